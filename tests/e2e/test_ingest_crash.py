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

    def client(self, daemon, name, acknowledged, sent, refused):
        """Posts values that occur once, one series a client, until the daemon is gone."""
        link = self.http(daemon)
        value = 0
        try:
            while True:
                keys = [(name, value + i) for i in range(random.choice((1, 1, 10, 100)))]
                sent.update(keys)
                answer = self.post(link, [{"name": name, "value": number} for name, number in keys])
                if answer.status != 200 or answer.json["accepted"] != len(keys):
                    refused.append(answer)
                    return
                acknowledged.update(zip(keys, answer.seqs))
                value += len(keys)
        except (OSError, http.client.HTTPException):
            pass

    def crash(self, round_number, acknowledged, sent):
        daemon = self.start()
        refused = []
        threads = [threading.Thread(target=self.client,
                                    args=(daemon, f"r{round_number}_c{i}", acknowledged, sent, refused))
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
        self.assertFalse(refused)

    def test_acknowledged_is_recovered(self):
        acknowledged, sent = {}, set()
        for round_number in range(ROUNDS):
            self.crash(round_number, acknowledged, sent)
        self.ingest().finish()
        samples = self.cat()
        recovered = {(sample["name"], sample["value"]): sample["seq"] for sample in samples}
        sequences = [sample["seq"] for sample in samples]
        self.assertGreater(len(acknowledged), ROUNDS, "nothing was tested")
        self.assertEqual(len(set(sequences)), len(sequences), "sequences that occur twice")
        self.assertEqual(sequences, sorted(sequences))
        self.assertEqual(len(recovered), len(samples), "values that occur twice")
        missing = {key for key, seq in acknowledged.items() if recovered.get(key) != seq}
        self.assertFalse(missing, f"acknowledged and not there: {sorted(missing)[:5]} of {len(missing)}")
        self.assertFalse(set(recovered) - sent, "there, and never sent")
        self.sluice("verify", self.log)
