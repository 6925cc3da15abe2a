"""What members have read, and what they were notified of since."""
import bisect
import json

from events import ALONE, NOTIFIES

NOTIFY = ""
SOUND = '["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight","value":false}]'
HIGHLIGHT = '["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}]'
LARGE = 500


class Receipts:
    """Receipts of all rooms: their stream ids follow their times."""

    def __init__(self):
        self.waiting, self.marks = [], []

    def of_room(self, room, random, own, rotated):
        """Several receipts a member, and the unread counts that Synapse keeps of them."""
        for person in list(room.members):
            if person.server is not own:
                if random.random() < 0.5:
                    self.give(room, person, "m.read", len(room.ids) - 1 - int(random.expovariate(0.1)), None)
                continue
            read = self.member(room, person, random)
            if read is not None:
                notifications(room, person, read, rotated)

    def member(self, room, person, random):
        """Returns the stream ordering that is read, as a whole and by thread."""
        newest, joined = len(room.ids) - 1, room.joined_at[person]
        said = room.said.get(person, -1)
        drawn = random.random()
        if drawn < 0.1 and len(room.members) < LARGE and joined > 0 and said < joined:
            return room.streams[joined], {}, False
        if drawn < 0.85 or len(room.members) >= LARGE:
            at = max(joined, newest - int(random.expovariate(0.2)))
        else:
            at = random.randint(joined, newest)

        # Clients send a receipt with what a user sends.
        at = max(at, said)
        threads = {}
        self.give(room, person, "m.read", at, None)
        if random.random() < 0.4:
            later = min(newest, at + random.randint(0, 3))
            self.give(room, person, "m.read.private", later, None)
            at = max(at, later)
        if random.random() < 0.3:
            later = min(newest, at + random.randint(0, 3))
            while later > at and room.threads.get(later):
                later -= 1
            if not room.threads.get(later):
                self.give(room, person, "m.read", later, "main")
                threads["main"] = room.streams[later]
        if room.threads and random.random() < 0.2:
            place = random.choice(list(room.threads))
            if place > joined:
                self.give(room, person, "m.read", place, room.threads[place])
                threads[room.threads[place]] = room.streams[place]
        if random.random() < 0.6:
            self.marks.append((room.world.times[room.streams[at]], person.id, room.id, room.ids[at]))
        return room.streams[at], threads, True

    def give(self, room, person, kind, at, thread):
        at = max(0, at)
        stream = room.streams[at]
        self.waiting.append((room.world.times[stream] + 2000, room.id, kind, person.id, room.ids[at], thread, stream))

    def write(self, sink, account_data):
        """Returns the times at which the stream ids of receipts and of account data were given."""
        self.waiting.sort(key=lambda each: each[0])
        self.marks.sort()
        for number, (at, room, kind, user, event, thread, stream) in enumerate(self.waiting, 1):
            data = json.dumps({"ts": at})
            sink.add("receipts_linearized", number, room, kind, user, event, thread, stream, data, "master")
            sink.add("receipts_graph", room, kind, user, json.dumps([event]), thread, data)
        for number, (_, user, room, event) in enumerate(self.marks, account_data + 1):
            sink.add("room_account_data", user, room, "m.fully_read", number, json.dumps({"event_id": event}))
        return [each[0] for each in self.waiting], [each[0] for each in self.marks]


def notifications(room, person, read, rotated):
    """Notifications that a member has not read: those of the last day as rows, older ones summed up."""
    whole, threads, has_receipt = read
    sums = {}
    for at in range(bisect.bisect_right(room.streams, whole), len(room.ids)):
        if not room.flags[at] & NOTIFIES or room.senders[at] is person:
            continue
        stream, thread = room.streams[at], room.threads.get(at, "main")
        if stream <= threads.get(thread, 0):
            continue
        loud = person.id in room.mentions.get(at, ())
        if stream <= rotated:
            sums[thread] = sums.get(thread, 0) + 1
        if stream > rotated or loud:
            actions = HIGHLIGHT if loud else SOUND if room.flags[at] & ALONE else NOTIFY
            room.world.sink.add(
                "event_push_actions", room.id, room.ids[at], person.id, actions, at + 1, stream, 1, 1 if loud else 0, 0,
                thread)
    for thread, count in sums.items():
        receipt = max(whole, threads.get(thread, 0)) if has_receipt or thread in threads else None
        room.world.sink.add("event_push_summary", person.id, room.id, count, rotated, 0, receipt, thread)
