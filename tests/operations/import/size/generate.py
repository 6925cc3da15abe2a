#!/usr/bin/env python3
"""Writes a source of an import into a database whose schema a Synapse made. It runs where Synapse's libraries are.

Each event has a right id, a valid content hash and a valid signature: Synapse's own functions check a part of them.
"""
import argparse
import base64
import json
import random as randoms
import sys
import time

import bcrypt
from signedjson.key import generate_signing_key, get_verify_key, read_signing_keys
from signedjson.sign import verify_signed_json

import people
from events import ALONE, HIGHLIGHTS, NOTIFIES, Room, Server, World, canonical
from reading import Receipts
from sink import PostgresSink, SqliteSink

DAY = 86_400_000
DAYS = 120
WORDS = ("lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore "
         "magna aliqua ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo "
         "consequat duis aute irure in reprehenderit voluptate velit esse cillum fugiat nulla pariatur").split()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# Changes of device lists that Synapse has not forgotten.
LATEST_DEVICES = 30
HISTORY = {"history_visibility": "shared"}


class Generator:
    def __init__(self, options, sink):
        self.options, self.sink, self.random = options, sink, randoms.Random(options.seed)
        with open(options.key, encoding="utf8") as file:
            own = Server(options.server, read_signing_keys(file)[0])
        now = int(time.time() * 1000)
        self.world = World(sink, now - DAYS * DAY, DAYS * DAY / options.events)
        self.world.own = own
        self.world.day_ago = int(options.events * (1 - 1 / DAYS))
        self.world.week_ago = int(options.events * (1 - 7 / DAYS))
        self.servers = [Server(f"server{number}.test", generate_signing_key(f"a_{number}")) for number in range(20)]
        secret = bcrypt.hashpw(b"secret", bcrypt.gensalt(12)).decode()
        self.people, self.devices = people.local(self.world, self.random, options.users, secret)
        self.others = people.remote(self.world, self.random, options.users, self.servers)
        self.rooms, self.receipts = [], Receipts()

    def run(self):
        for number in range(self.options.rooms):
            self.rooms.append(self.room(number))
        self.fill()
        self.talk()
        for room in self.rooms:
            self.end(room)
        self.sink.flush()
        times = self.receipts.write(self.sink, 2 * len(self.people))
        for person in self.people:
            self.sink.add("user_stats_current", person.id, person.rooms, self.world.stream)
        for server in self.servers:
            self.sink.add("destinations", server.name, 0, 0, None, self.world.stream)
        self.sink.flush()
        for row in self.world.redactions:
            self.redactions(*row)
        self.positions(len(times[0]), 2 * len(self.people) + len(times[1]))
        return times

    def redactions(self, text, event_id):
        self.sink.run("UPDATE event_json SET json = %s WHERE event_id = %s", text, event_id)

    def room(self, number):
        world, random, own = self.world, self.random, self.world.own
        creator = random.choice(self.people)
        public, federated = number % 2 == 0, number % 10 == 0
        room = Room(world, f"!room{number:06d}aaaaaaaa:{own.name}", creator, "10" if number % 3 else "11",
                    compressed=number % 4 == 1, public=public)
        create = {"room_version": room.version}
        if room.version == "10":
            create["creator"] = creator.id
        room.send(creator, "m.room.create", create, "")
        room.member(creator, creator, "join")
        room.send(creator, "m.room.power_levels", {
            "users": {creator.id: 100}, "users_default": 0, "ban": 50, "kick": 50, "redact": 50, "invite": 0,
            "events_default": 0, "state_default": 50, "events": {"m.room.name": 50}}, "")
        room.send(creator, "m.room.join_rules", {"join_rule": "public" if public else "invite"}, "")
        room.send(creator, "m.room.history_visibility", HISTORY, "")
        room.send(creator, "m.room.name", {"name": f"Room {number}"}, "")
        size = 1 if number % 5 == 3 else random.randint(2, 28)
        room.coming = random.sample(self.people, min(size, len(self.people)))
        if federated:
            room.coming += random.sample(self.others, min(5, len(self.others)))
        if number == 0:
            pool = self.people + self.others
            room.coming = pool[:self.options.members]
            random.shuffle(room.coming)
        return room

    def fill(self):
        """Most members come at the beginning, the rest while others talk."""
        for room in self.rooms:
            coming = room.coming
            stay = len(coming) * 9 // 10
            for person in coming[:stay]:
                self.join(room, person)
            room.coming = coming[stay:]

    def join(self, room, person):
        if person in room.places:
            return
        if not room.public:
            room.member(room.creator, person, "invite")
        room.member(person, person, "join")

    def talk(self):
        world, random = self.world, self.random
        left = self.options.events - world.stream
        if left < 0:
            sys.exit("The members alone are more events than that.")
        weights = [1 / (1 + number) ** 0.6 for number in range(len(self.rooms))]
        order = random.choices(self.rooms, weights, k=left)
        for room in order:
            if world.stream >= self.options.events:
                break
            self.act(room, random.choice(room.members))

    def act(self, room, person):
        random, drawn = self.random, self.random.random()
        if drawn < 0.01 and room.coming:
            self.join(room, room.coming.pop())
        elif drawn < 0.04:
            room.member(person, person, "join", f"Name {room.world.stream}")
        elif drawn < 0.045 and person is not room.creator and len(room.members) > 3:
            room.member(person, person, "leave")
        elif drawn < 0.05:
            room.send(room.creator, "m.room.topic", {"topic": self.text(6)}, "")
        elif drawn < 0.06:
            room.redact(random)
        elif drawn < 0.45:
            self.say(room, person, "m.room.encrypted", {
                "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "".join(random.choices(LETTERS, k=300)),
                "device_id": person.device, "sender_key": "x" * 43, "session_id": "y" * 43})
        else:
            self.message(room, person)

    def text(self, most):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(3, most)))

    def message(self, room, person):
        random, drawn = self.random, self.random.random()
        content = {"msgtype": "m.text", "body": self.text(40)}
        if room.recent and drawn < 0.08:
            target = room.ids[room.recent[-1][0]]
            self.say(room, person, "m.reaction", {
                "m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": random.choice("abc")}})
            return
        if room.recent and drawn < 0.1 and room.recent[-1][1]["sender"] == person.id:
            content["m.new_content"] = {"msgtype": "m.text", "body": content["body"]}
            content["m.relates_to"] = {"rel_type": "m.replace", "event_id": room.ids[room.recent[-1][0]]}
        elif drawn < 0.14 and room.thread_tops:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": random.choice(list(room.thread_tops))}
        elif room.recent and drawn < 0.142 and len(room.thread_tops) < 20:
            place, _ = room.recent.pop(0)
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": room.ids[place]}
        elif drawn < 0.146:
            content["m.mentions"] = {"user_ids": [random.choice(room.members).id]}
        self.say(room, person, "m.room.message", content)

    def say(self, room, person, kind, content):
        sink, relates = self.sink, content.get("m.relates_to", {})
        event_id = room.send(person, kind, content)
        place, stream = len(room.ids) - 1, self.world.stream
        room.said[person] = place
        relation = relates.get("rel_type")
        if relation:
            sink.add("event_relations", event_id, relates["event_id"], relation, relates.get("key"))
        if relation == "m.thread":
            room.threads[place] = relates["event_id"]
            room.thread_tops[relates["event_id"]] = (event_id, place + 1, stream)
        if kind != "m.reaction" and relation != "m.replace":
            room.flags[place] = NOTIFIES | (ALONE if len(room.members) == 2 else 0)
        if "m.mentions" in content:
            room.flags[place] |= HIGHLIGHTS
            room.mentions[place] = content["m.mentions"]["user_ids"]
        if kind == "m.room.message":
            sink.add("event_search", event_id, room.id, "content.body", content["body"], self.world.times[stream],
                     stream)

    def end(self, room):
        """What Synapse keeps of a room as it is now."""
        sink, own, world = self.sink, self.world.own, self.world
        name = room.contents[("m.room.name", "")][0]["name"]
        sink.add("rooms", room.id, 1 if room.public else 0, room.creator.id, room.version, 1)
        sink.add("room_depth", room.id, 1)
        sink.add("event_forward_extremities", room.last, room.id)
        members = {"join": 0, "invite": 0, "leave": 0, "ban": 0}
        for (kind, key), (event_id, stream) in room.state.items():
            content, sender = room.contents[(kind, key)]
            membership = content.get("membership") if kind == "m.room.member" else None
            sink.add("current_state_events", event_id, room.id, kind, key, membership, stream)
            if kind != "m.room.member":
                continue
            members[membership] += 1
            if key.endswith(":" + own.name):
                sink.add("local_current_membership", room.id, key, event_id, membership, stream)
                sink.add("sliding_sync_membership_snapshots", room.id, key, sender, event_id, membership, 0, stream,
                         "master", 1, name, 0)
        for person in room.members:
            person.rooms += 1
            for stream, device in person.changes:
                if stream > self.devices - LATEST_DEVICES:
                    sink.add("device_lists_changes_in_room", person.id, device, room.id, stream, 1, "master",
                             int(world.now))
        sink.add("sliding_sync_joined_rooms", room.id, room.streams[-1], room.bump, name, 0)
        sink.add("room_stats_current", room.id, len(room.state), members["join"], members["invite"],
                 members["leave"], members["ban"], sum(person.server is own for person in room.members),
                 room.streams[-1], 0)
        topic = room.contents.get(("m.room.topic", ""))
        sink.add("room_stats_state", room.id, name, room.contents[("m.room.join_rules", "")][0]["join_rule"],
                 "shared", 1, topic[0]["topic"] if topic else None)
        sink.add("event_search", room.ids[5], room.id, "content.name", name, world.times[room.streams[5]],
                 room.streams[5])
        for root, (latest, depth, stream) in room.thread_tops.items():
            sink.add("threads", room.id, root, latest, depth, stream)
        if room.public:
            for person in room.members:
                sink.add("users_in_public_rooms", person.id, room.id)
        else:
            for person in room.members:
                for other in room.members:
                    if other is not person and person.server is own:
                        sink.add("users_who_share_private_rooms", person.id, other.id, room.id)
        self.receipts.of_room(room, self.random, own, world.day_ago)

    def positions(self, receipts, account_data):
        sink, world = self.sink, self.world
        for sql, value in (
            ("UPDATE event_push_summary_stream_ordering SET stream_ordering = %s", world.day_ago),
            ("UPDATE event_push_summary_last_receipt_stream_id SET stream_id = %s", receipts),
            ("UPDATE user_directory_stream_pos SET stream_id = %s", world.stream),
            ("UPDATE stats_incremental_position SET stream_id = %s", world.stream),
            ("UPDATE room_forgetter_stream_pos SET stream_id = %s", world.stream),
            ("UPDATE federation_stream_position SET stream_id = %s WHERE type = 'events'", world.stream),
            ("UPDATE appservice_stream_position SET stream_ordering = %s", world.stream),
            ("UPDATE delayed_events_stream_pos SET stream_id = %s", world.stream),
            ("UPDATE device_lists_changes_converted_stream_position SET stream_id = %s", self.devices),
        ):
            sink.run(sql, value)
        for name, value in (
            ("events_stream_seq", world.stream), ("state_group_id_seq", world.group),
            ("event_auth_chain_id", world.chain), ("receipts_sequence", receipts),
            ("account_data_sequence", account_data), ("device_lists_sequence", self.devices),
            ("device_inbox_sequence", self.devices), ("user_id_seq", len(self.people)),
        ):
            sink.sequence(name, value)

    def summary(self, times):
        """What a script that asks the servers needs: users, rooms, and positions of the past."""
        world, receipts, marks = self.world, times[0], times[1]
        moments = {}
        for name, back in (("minute", 60_000), ("day", DAY), ("60 days", 60 * DAY)):
            at = world.now - back
            moments[name] = {
                "events": sum(time <= at for time in world.times) - 1,
                "receipts": sum(time <= at for time in receipts),
                "account_data": 2 * len(self.people) + sum(time <= at for time in marks),
            }
        return {
            "server": world.own.name, "events": world.stream, "groups": world.group, "receipts": len(receipts),
            "devices": self.devices,
            "moments": moments,
            "users": [{"id": each.id, "token": each.token, "device": each.device} for each in self.people[:400]],
            "rooms": [{"id": room.id, "members": len(room.members), "compressed": room.compressed,
                       "user": next(({"id": each.id, "token": each.token} for each in room.members
                                     if each.server is world.own))}
                      for room in self.rooms],
        }


def check(room, number, servers):
    """Asks Synapse's own functions about an event of a room."""
    from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
    from synapse.crypto.event_signing import compute_content_hash
    from synapse.events import make_event_from_dict
    from synapse.synapse_rust.events import redact_event_dict
    event_id, text = number
    version = KNOWN_ROOM_VERSIONS[room.version]
    event = json.loads(text)
    made = make_event_from_dict(dict(event), version)
    assert made.event_id == event_id, (made.event_id, event_id)
    _, digest = compute_content_hash(event, __import__("hashlib").sha256)
    assert event["hashes"]["sha256"] == base64.b64encode(digest).decode().rstrip("="), event_id
    pruned = redact_event_dict(version, event)
    name = event["sender"].split(":", 1)[1]
    verify_signed_json(pruned, name, get_verify_key(servers[name].key))


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("events", 50_000), ("users", 0), ("rooms", 0), ("members", 0), ("seed", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--key", required=True, help="the server's signing key")
    parser.add_argument("--server", required=True, help="the server's name")
    parser.add_argument("--sqlite", help="a file")
    parser.add_argument("--postgres", help="an address for libpq")
    parser.add_argument("--summary", required=True, help="where users, rooms and positions are written")
    options = parser.parse_args()
    options.users = options.users or options.events // 200
    options.rooms = options.rooms or options.events // 500
    options.members = options.members or options.events // 100
    sink = SqliteSink(options.sqlite) if options.sqlite else PostgresSink(options.postgres)
    samples, kept = [], sink.add

    def add(table, *row):
        if table == "event_json" and len(row[3]) % 97 == 0 and len(samples) < 3000:
            samples.append((row[1], row[0], row[3]))
        kept(table, *row)

    sink.add = add
    generator = Generator(options, sink)
    began = time.monotonic()
    times = generator.run()
    filled = time.monotonic()
    sink.close()
    rooms = {room.id: room for room in generator.rooms}
    servers = {server.name: server for server in [*generator.servers, generator.world.own]}
    for room, event_id, text in samples:
        check(rooms[room], (event_id, text), servers)
    with open(options.summary, "w", encoding="utf8") as file:
        json.dump(generator.summary(times), file)
    print(f"{generator.world.stream} events, {generator.world.group} state groups, {len(times[0])} receipts, "
          f"{len(samples)} events checked by Synapse; {filled - began:.0f} s, indexes "
          f"{time.monotonic() - filled:.0f} s")


if __name__ == "__main__":
    main()
