"""F with the flag SHARED: one description for all clients of a user, never stale for more than a second."""
import os
import time

from case import Case, as_root
from daemon import until
from slc import SHARED, frame, request

MOST_STALE = 1.0  # seconds


class Shared(Case):
    def get(self, client, key="object", **options):
        return client.get("F", key, flags=SHARED, **options)

    def same(self, first, second):
        """True if two descriptors have one offset, that is, one description."""
        os.lseek(first.fd, 0, os.SEEK_SET)
        os.lseek(second.fd, 3, os.SEEK_SET)
        return os.lseek(first.fd, 0, os.SEEK_CUR) == 3

    def hit(self, daemon, first, second):
        """Two replies of which the second comes from the cache, however slow this machine is."""
        for _ in range(20):
            hits = daemon.counter("objects", "shared_hits")
            replies = self.get(first), self.get(second)
            if daemon.counter("objects", "shared_hits") > hits:
                return replies
            for reply in replies:
                reply.close()
        self.fail("no hit in the cache")

    def test_is_one_description_for_one_user(self):
        root = self.directory({"object": b"shared content"})
        daemon = self.daemon(root=root)
        replies = self.hit(daemon, self.connect(daemon.unix), self.connect(daemon.unix))
        self.assertEqual([reply.flags for reply in replies], [SHARED, SHARED])
        self.assertEqual(replies[0].fields, replies[1].fields)
        self.assertTrue(self.same(*replies))
        for reply in replies:
            self.assertContent(reply, b"shared content")

    def test_those_who_did_not_ask_get_a_fresh_one(self):
        root = self.directory({"object": b"shared content"})
        daemon = self.daemon(root=root)
        client = self.connect(daemon.unix)
        shared, fresh = self.get(client), client.get("F", "object")
        self.assertEqual((shared.flags, fresh.flags), (SHARED, 0))
        self.assertFalse(self.same(shared, fresh))
        for reply in (shared, fresh):
            self.assertContent(reply, b"shared content")

    @as_root
    def test_is_not_shared_between_users(self):
        root = self.directory({"object": b"shared content"})
        daemon = self.daemon(root=root)
        mine, theirs = self.connect(daemon.unix), self.connect(daemon.unix, uid=1234)
        for _ in range(3):
            replies = self.get(mine), self.get(theirs)
            self.assertFalse(self.same(*replies))
            for reply in replies:
                reply.close()

    def test_ranges_are_judged(self):
        root = self.directory({"object": b"0123456789"})
        client = self.connect(self.daemon(root=root).unix)
        for _ in range(2):
            reply = self.get(client, offset=4, count=100)
            self.assertEqual(reply.fields[:3], (10, 4, 6))
            reply.close()
            self.assertStatus(self.get(client, offset=11), "BAD_RANGE")

    def test_a_replaced_object_is_not_stale_after_a_second(self):
        root = self.directory({"object": b"old"})
        client = self.connect(self.daemon(root=root).unix)
        old = self.get(client)
        (root / "new").write_bytes(b"new and longer")
        os.rename(root / "new", root / "object")
        replaced = time.monotonic()
        while True:
            late = time.monotonic() - replaced > MOST_STALE
            reply = self.get(client)
            fresh = reply.fields.version != old.fields.version
            self.assertContent(reply, b"new and longer" if fresh else b"old")
            if fresh or late:
                break
            time.sleep(0.02)
        self.assertTrue(fresh, "stale after a second")
        self.assertEqual(os.pread(old.fd, 100, 0), b"old")
        old.close()

    def test_a_removed_object_is_gone_after_a_second(self):
        root = self.directory({"object": b"old"})
        client = self.connect(self.daemon("--shared-age", 0.1, root=root).unix)
        self.get(client).close()
        os.unlink(root / "object")
        time.sleep(0.15)
        self.assertStatus(self.get(client), "NOT_FOUND")

    def test_a_removed_object_gives_its_space_back(self):
        root = self.directory({"object": b"large"})
        daemon = self.daemon("--shared-age", 0.1, root=root)
        self.get(self.connect(daemon.unix)).close()
        os.unlink(root / "object")
        until(lambda: daemon.holds(root / "object") == 0, "the description is closed, though nobody asks again")

    def test_the_cache_is_bounded(self):
        root = self.directory({f"object{n}": b"%d" % n for n in range(20)})
        daemon = self.daemon("--shared-max", 3, root=root)
        client = self.connect(daemon.unix)
        client.send(b"".join(frame("F", request(f"object{n % 20}"), flags=SHARED) for n in range(200)))
        for n in range(200):
            self.assertContent(client.reply(), b"%d" % (n % 20))
        self.assertLessEqual(daemon.counter("objects", "shared_cached"), 3)
        self.assertLessEqual(daemon.counter("reactor", "fds_shared"), 3)

    def test_without_a_cache_descriptions_are_fresh(self):
        root = self.directory({"object": b"content"})
        client = self.connect(self.daemon("--shared-max", 0, root=root).unix)
        reply = self.get(client)
        self.assertEqual(reply.flags, 0)
        self.assertContent(reply, b"content")

    def test_what_a_client_does_to_its_descriptor_reaches_no_other_delivery(self):
        root = self.directory({"object": b"x" * 300000})
        client = self.connect(self.daemon(root=root).unix)
        reply = self.get(client)
        os.lseek(reply.fd, 1000, os.SEEK_SET)
        os.set_blocking(reply.fd, False)
        for op in "CSA":
            self.assertContent(client.get(op, "object"), b"x" * 300000)
        reply.close()
