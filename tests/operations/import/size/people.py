"""Users with devices, keys and tokens, and members of other servers."""
import base64
import json


# Ids below this are of whoever asked the Synapse that made the schema.
FIRST = 100


class Person:
    def __init__(self, user_id, name, server, device, avatar):
        self.id, self.name, self.server, self.device, self.avatar = user_id, name, server, device, avatar
        self.token, self.rooms, self.changes = None, 0, []

    @property
    def localpart(self):
        return self.id[1:].split(":", 1)[0]


def key_of(random):
    return base64.b64encode(random.randbytes(32)).decode().rstrip("=")


def local(world, random, count, password_hash):
    """Local users. Every fifth has a second device."""
    sink, server, people, stream = world.sink, world.own, [], FIRST
    for number in range(count):
        person = Person(f"@user{number}:{server.name}", f"Person {number}", server, f"DEVICE{number:05d}A",
                        f"mxc://{server.name}/{random.randbytes(12).hex()}" if number % 3 == 0 else None)
        people.append(person)
        at = world.times[0] + number
        sink.add("users", person.id, password_hash, at // 1000, 0, 0, 0, 0, 1)
        sink.add("profiles", person.localpart, person.name, person.avatar, person.id)
        sink.add("user_directory", person.id, person.name, person.avatar)
        sink.add("user_directory_search", person.id, f"{person.id} {person.name}")
        sink.add("account_data", person.id, "im.vector.setting.breadcrumbs", 2 * number + 1,
                 '{"recent_rooms":["!a:%s"]}' % server.name)
        sink.add("account_data", person.id, "m.direct", 2 * number + 2,
                 json.dumps({f"@user{number + 1}:{server.name}": [f"!room:{server.name}"]}))
        for device in [person.device] + ([f"DEVICE{number:05d}B"] if number % 5 == 0 else []):
            stream += 1
            token = "syt_" + base64.b64encode(person.localpart.encode()).decode().rstrip("=") + "_" + \
                random.randbytes(10).hex() + "_" + random.randbytes(3).hex()
            if device == person.device:
                person.token = token
            sink.add("access_tokens", stream, person.id, device, token, at, 1)
            sink.add("devices", person.id, device, "A client", at, "127.0.0.1", "Client/1.0", 0)
            sink.add("user_ips", person.id, token, device, "127.0.0.1", "Client/1.0", at)
            sink.add("device_lists_stream", stream, person.id, device, "master")
            person.changes.append((stream, device))
            sink.add("e2e_device_keys_json", person.id, device, at, json.dumps(device_keys(random, person.id, device)))
            for one in range(20):
                sink.add("e2e_one_time_keys_json", person.id, device, "signed_curve25519", f"AAAAA{one:04d}", at,
                         json.dumps(signed_key(random, person.id, device)))
            sink.add("e2e_fallback_keys_json", person.id, device, "signed_curve25519", "AAAAFB",
                     json.dumps(signed_key(random, person.id, device)), 0)
            if number % 10 == 0:
                sink.add("device_inbox", person.id, device, stream, json.dumps(
                    {"type": "m.room_key_request", "sender": person.id, "content": {"number": number}}), "master")
    return people, stream


def remote(world, random, count, servers):
    """Members of other servers; half of them with a device that is known here."""
    sink, people = world.sink, []
    for number in range(count):
        server = servers[number % len(servers)]
        person = Person(f"@other{number}:{server.name}", f"Other {number}", server, f"REMOTE{number:05d}", None)
        people.append(person)
        sink.add("user_directory", person.id, person.name, None)
        sink.add("user_directory_search", person.id, f"{person.id} {person.name}")
        if number % 2 == 0:
            sink.add("device_lists_remote_cache", person.id, person.device,
                     json.dumps({"device_id": person.device, "keys": device_keys(random, person.id, person.device)}))
            sink.add("device_lists_remote_extremeties", person.id, str(number + 1))
    return people


def device_keys(random, user, device):
    keys = {f"curve25519:{device}": key_of(random), f"ed25519:{device}": key_of(random)}
    return {"algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"], "device_id": device, "keys": keys,
            "signatures": {user: {f"ed25519:{device}": key_of(random) * 2}}, "user_id": user}


def signed_key(random, user, device):
    return {"key": key_of(random), "signatures": {user: {f"ed25519:{device}": key_of(random) * 2}}}
