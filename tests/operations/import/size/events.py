"""Events of a room, signed and hashed, with every row that Synapse writes for them."""
import array
import base64
import hashlib
import json

# The keys of `content` that a redaction keeps: Server-Server API, room versions 10 and 11.
KEPT = {
    "m.room.member": ("membership", "join_authorised_via_users_server"),
    "m.room.create": ("creator",),
    "m.room.join_rules": ("join_rule", "allow"),
    "m.room.power_levels": ("ban", "events", "events_default", "kick", "redact", "state_default", "users",
                            "users_default"),
    "m.room.history_visibility": ("history_visibility",),
}
KEPT_TOP = ("event_id", "type", "room_id", "sender", "state_key", "hashes", "signatures", "depth", "prev_events",
            "auth_events", "origin_server_ts")
CREATE, LEVELS, RULES = ("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.join_rules", "")
MOST_HOPS = 100
COMPRESSOR_LEVELS = (100, 50, 25)
NOTIFIES, HIGHLIGHTS, ALONE = 1, 2, 4

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_store = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def canonical(value):
    return _encode(value).encode()


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


def redacted(event, version):
    """What remains of an event: the part of it that is signed."""
    kept = {key: event[key] for key in KEPT_TOP if key in event}
    if event["type"] == "m.room.create" and version == "11":
        kept["content"] = event["content"]
    else:
        names = KEPT.get(event["type"], ())
        if version == "11":
            names += {"m.room.power_levels": ("invite",), "m.room.redaction": ("redacts",)}.get(event["type"], ())
        kept["content"] = {name: event["content"][name] for name in names if name in event["content"]}
    return kept


class Server:
    """A name and its key."""

    def __init__(self, name, key):
        self.name, self.key, self.key_id = name, key, f"{key.alg}:{key.version}"


class World:
    """Numbers that all rooms share."""

    def __init__(self, sink, started_at, step):
        self.sink, self.now, self.step = sink, float(started_at), step
        self.stream = self.group = self.chain = 0
        self.times = array.array("q", [int(started_at)])
        self.redactions = []
        self.day_ago = self.week_ago = 0

    def tick(self):
        self.stream += 1
        self.now += self.step
        self.times.append(int(self.now))
        return self.stream, int(self.now)


class Room:
    def __init__(self, world, room_id, creator, version, compressed, public):
        self.world, self.id, self.creator, self.version = world, room_id, creator, version
        self.compressed, self.public = compressed, public
        self.state, self.contents, self.depth, self.last = {}, {}, 0, None
        self.groups, self.changes, self.hops = [], [], 0
        self.levels = [[length, 0, None] for length in COMPRESSOR_LEVELS]
        self.chains, self.tops, self.links = {}, {}, {}
        self.members, self.places, self.joined_at, self.said = [], {}, {}, {}
        self.streams, self.ids, self.senders = array.array("q"), [], []
        self.flags, self.threads, self.mentions = array.array("b"), {}, {}
        self.recent, self.bump, self.thread_tops = [], 0, {}
        self.empty_group = None

    def auth_of(self, kind, key, sender, content):
        wanted = [CREATE, LEVELS, ("m.room.member", sender)]
        if kind == "m.room.member":
            if content["membership"] in ("join", "invite"):
                wanted.append(RULES)
            wanted.append(("m.room.member", key))
        found = []
        for each in wanted:
            if each in self.state and self.state[each][0] not in found:
                found.append(self.state[each][0])
        return found

    def send(self, sender, kind, content, key=None, redacts=None):
        """Sends as a person, and returns the event's id."""
        world, sink, server = self.world, self.world.sink, sender.server
        stream, at = world.tick()
        self.depth += 1
        event = {
            "auth_events": self.auth_of(kind, key, sender.id, content), "content": content, "depth": self.depth,
            "origin_server_ts": at, "prev_events": [self.last] if self.last else [], "room_id": self.id,
            "sender": sender.id, "type": kind,
        }
        if key is not None:
            event["state_key"] = key
        if redacts is not None:
            if self.version == "11":
                content["redacts"] = redacts
            else:
                event["redacts"] = redacts
        event["hashes"] = {"sha256": unpadded(hashlib.sha256(canonical(event)).digest())}
        signed = canonical(redacted(event, self.version))
        event_id = "$" + base64.urlsafe_b64encode(hashlib.sha256(signed).digest()).decode().rstrip("=")
        event["signatures"] = {server.name: {server.key_id: unpadded(server.key.sign(signed).signature)}}
        event["unsigned"] = {"age_ts": at} if server is world.own else {}
        if key is not None and (kind, key) in self.state:
            event["unsigned"]["replaces_state"] = self.state[(kind, key)][0]

        metadata = "{}"
        if server is world.own and key is None:
            metadata = f'{{"device_id":"{sender.device}","txn_id":"m{at}.{stream}"}}'
            if stream > world.day_ago:
                sink.add("event_txn_id_device_id", event_id, self.id, sender.id, sender.device, f"m{at}.{stream}", at)
        sink.add("events", stream, self.depth, event_id, kind, self.id, 1, 0, self.depth, at, at + 5, sender.id,
                 1 if "url" in content else 0, "master", key)
        sink.add("event_json", event_id, self.id, metadata, _store(event), 3)
        if self.last:
            sink.add("event_edges", event_id, self.last, 0)
        if stream > world.day_ago:
            sink.add("stream_ordering_to_exterm", stream, self.id, event_id)
        if key is not None:
            self.set_state(event, event_id, stream)
        elif not self.groups:
            raise ValueError("A room begins with its create event.")
        if redacts is not None:
            sink.add("redactions", event_id, redacts, 1 if stream <= world.week_ago else 0, at + 5, 0)
        sink.add("event_to_state_groups", event_id, self.groups[-1])
        if kind in ("m.room.message", "m.room.encrypted", "m.room.create"):
            self.bump = stream
        self.last = event_id
        self.streams.append(stream)
        self.ids.append(event_id)
        self.senders.append(sender)
        self.flags.append(0)
        if kind == "m.room.message" and "m.relates_to" not in content:
            self.recent = self.recent[-19:] + [(len(self.ids) - 1, event)]
        return event_id

    def set_state(self, event, event_id, stream):
        world, sink = self.world, self.world.sink
        kind, key, content = event["type"], event["state_key"], event["content"]
        before = self.state.get((kind, key))
        self.chain(event_id, event["auth_events"], before)
        self.state[(kind, key)] = (event_id, stream)
        self.contents[(kind, key)] = (content, event["sender"])
        self.group(kind, key, event_id)
        sink.add("state_events", event_id, self.id, kind, key)
        sink.add("current_state_delta_stream", stream, self.id, kind, key, event_id,
                 before[0] if before else None, "master")
        for auth in event["auth_events"]:
            sink.add("event_auth", event_id, auth, self.id)
        if kind == "m.room.member":
            sink.add("room_memberships", event_id, key, event["sender"], self.id, content["membership"], 0,
                     content.get("displayname"), content.get("avatar_url"), stream, 0)

    def group(self, kind, key, event_id):
        """A state group of one change, as Synapse makes it, or as rust-synapse-compress-state rewrites it."""
        world, sink = self.world, self.world.sink
        if self.empty_group is None:
            world.group += 1
            self.empty_group = world.group
            sink.add("state_groups", world.group, self.id, event_id)
        world.group += 1
        number, index = world.group, len(self.groups)
        self.groups.append(number)
        self.changes.append((kind, key, event_id))
        sink.add("state_groups", number, self.id, event_id)
        base = self.base_by_levels(index) if self.compressed else self.base_by_hops(index)
        if base is None:
            entries = [(each[0], each[1], id) for each, (id, _) in self.state.items()]
        else:
            sink.add("state_group_edges", number, self.groups[base] if base >= 0 else self.empty_group)
            entries = {change[:2]: change for change in self.changes[base + 1:]}.values()
        for entry in entries:
            sink.add("state_groups_state", number, self.id, *entry)

    def base_by_hops(self, index):
        self.hops += 1
        if self.hops > MOST_HOPS:
            self.hops = 0
            return None
        return index - 1

    def base_by_levels(self, index):
        for level in self.levels:
            if level[2] is not None and level[1] < level[0]:
                base = level[2]
                level[1], level[2] = level[1] + 1, index
                return base
            level[1], level[2] = 1, index
        return None

    def chain(self, event_id, auth, before):
        """A place in the chains of auth events: Synapse's index of them."""
        world, sink = self.world, self.world.sink
        place = None
        if before and before[0] in auth:
            number, at = self.chains[before[0]]
            if self.tops[number] == at:
                place = (number, at + 1)
        if place is None:
            world.chain += 1
            place = (world.chain, 1)
        self.chains[event_id] = place
        self.tops[place[0]] = place[1]
        sink.add("event_auth_chains", event_id, *place)
        targets = [self.chains[each] for each in auth if self.chains[each][0] != place[0]]
        for target in targets:
            if self.reaches(place, target) or any(
                    other != target and self.reaches(other, target) for other in targets):
                continue
            self.links.setdefault(place[0], []).append((place[1], *target))
            sink.add("event_auth_chain_links", *place, *target)

    def reaches(self, start, target, hops=3):
        if start[0] == target[0]:
            return start[1] >= target[1]
        return hops > 0 and any(
            origin <= start[1] and self.reaches((chain, at), target, hops - 1)
            for origin, chain, at in self.links.get(start[0], ()))

    def member(self, sender, person, membership, name=None):
        content = {"membership": membership}
        if membership in ("join", "invite"):
            content["displayname"] = name or person.name
            if person.avatar:
                content["avatar_url"] = person.avatar
        self.send(sender, "m.room.member", content, person.id)
        if membership == "join" and person not in self.places:
            self.places[person] = len(self.members)
            self.members.append(person)
            self.joined_at[person] = len(self.ids) - 1
        elif membership in ("leave", "ban") and person in self.places:
            place, last = self.places.pop(person), self.members.pop()
            if last is not person:
                self.members[place], self.places[last] = last, place

    def redact(self, random):
        """One of the last messages is redacted by its sender. After a week, Synapse stores what remains of it."""
        if not self.recent:
            return
        place, event = self.recent.pop(random.randrange(len(self.recent)))
        if self.senders[place] not in self.places:
            return
        self.send(self.senders[place], "m.room.redaction", {}, redacts=self.ids[place])
        self.flags[place] = 0
        self.mentions.pop(place, None)
        if self.world.stream <= self.world.week_ago:
            pruned = redacted(event, self.version)
            pruned["unsigned"] = event["unsigned"]
            self.world.redactions.append((_store(pruned), self.ids[place]))
