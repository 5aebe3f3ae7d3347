"""kill -9 at any moment: what was acknowledged is in the log afterwards, and nothing is there twice."""
import http.client
import os
import random
import threading
import time

from ingest_case import IngestCase

ROUNDS = int(os.environ.get("SLUICE_CRASH_ROUNDS", "50"))
CLIENTS = 4


class Crash(IngestCase):
    def start(self, *options):
        daemon = self.ingest(*options, "segment = 1m", "group_bytes = 256k")
        self.addCleanup(lambda: daemon.running and daemon.kill())
        return daemon

    def client(self, daemon, name, acknowledged, sent):
        """Posts batches of names that occur once, until the daemon is gone."""
        link = self.http(daemon)
        number = 0
        try:
            while True:
                batch = [{"name": f"{name}_{number}_{i}", "value": i} for i in range(random.choice((1, 1, 10, 100)))]
                sent.update(record["name"] for record in batch)
                answer = self.post(link, batch)
                if answer.status != 200 or answer.json["accepted"] != len(batch):
                    raise AssertionError(f"refused: {answer}")
                acknowledged.update(zip((record["name"] for record in batch), answer.seqs))
                number += 1
        except (OSError, http.client.HTTPException):
            pass

    def crash(self, round_number, acknowledged, sent):
        daemon = self.start()
        threads = [threading.Thread(target=self.client,
                                    args=(daemon, f"r{round_number}_c{i}", acknowledged, sent))
                   for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.005, 0.12))  # the moment of the crash
        daemon.process.kill()
        daemon.process.wait()
        for thread in threads:
            thread.join()
        daemon.kill()
        daemon.process.returncode = 0  # it was meant to die

    def test_acknowledged_is_recovered(self):
        acknowledged, sent = {}, set()
        for round_number in range(ROUNDS):
            self.crash(round_number, acknowledged, sent)
        self.ingest().finish()
        samples = self.cat()
        recovered = {sample["name"]: sample["seq"] for sample in samples}
        sequences = [sample["seq"] for sample in samples]
        self.assertGreater(len(acknowledged), ROUNDS, "nothing was tested")
        self.assertEqual(len(set(sequences)), len(sequences), "sequences that occur twice")
        self.assertEqual(sequences, sorted(sequences))
        self.assertEqual(len(recovered), len(samples), "names that occur twice")
        missing = {name for name, seq in acknowledged.items() if recovered.get(name) != seq}
        self.assertFalse(missing, f"acknowledged and not there: {sorted(missing)[:5]} of {len(missing)}")
        self.assertFalse(set(recovered) - sent, "there, and never sent")
        self.sluice("verify", self.log)
