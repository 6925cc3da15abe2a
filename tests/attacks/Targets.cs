using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Servers;

namespace Matrix.Attacks;

/// <summary>What the attacker has stored, to read it again and again: the paths of the requests.</summary>
internal sealed class Targets(IReadOnlyList<string> values)
{
    private const string Client = "/_matrix/client/v3/";

    /// <summary>The bytes of a large event.</summary>
    private const int Large = 60_000;

    public IReadOnlyList<string> Values => values;

    private string Messages => values[0];

    private string State => values[1];

    private string Root => values[2];

    private string UserId => values[3];

    private string Since => values[4];

    /// <summary>Stores large messages, replies, state, account data, messages to a device and keys.</summary>
    /// <param name="size">The number of large messages; the rest in proportion.</param>
    public static Targets Prepare(Account attacker, int size)
    {
        var messages = attacker.CreateRoom("messages");
        var state = attacker.CreateRoom("state");
        var (room, states) = (Uri.EscapeDataString(messages), Uri.EscapeDataString(state));
        var text = new string('x', Large);
        var root = "";
        for (var i = 0; i < size; i++)
        {
            object content = i > 0 && i % 4 == 0
                ? new Dictionary<string, object>
                {
                    ["msgtype"] = "m.text",
                    ["body"] = text,
                    ["m.relates_to"] = new { rel_type = "m.thread", event_id = root },
                }
                : new { msgtype = "m.text", body = text };
            attacker.Put(
                $"{Client}rooms/{room}/send/m.room.message/m{i}", JsonSerializer.SerializeToUtf8Bytes(content));
            if (i == 0) root = Member(attacker, "event_id");
        }

        for (var i = 0; i < size / 4; i++)
        {
            attacker.SetState(
                states, "org.example.large", $"key{i}", JsonSerializer.SerializeToUtf8Bytes(new { text }));
        }

        var content200 = JsonSerializer.SerializeToUtf8Bytes(new { text = new string('x', 200_000) });
        for (var i = 0; i < size / 20; i++)
        {
            attacker.Connection.Put(
                $"{Client}user/{Uri.EscapeDataString(attacker.UserId)}/account_data/org.example.{i}", content200);
        }

        attacker.Get(Client + "account/whoami");
        var device = Member(attacker, "device_id");
        for (var i = 0; i < size / 8; i++)
        {
            attacker.Connection.Put(
                $"{Client}sendToDevice/org.example.large/t{i}",
                JsonSerializer.SerializeToUtf8Bytes(new
                {
                    messages = new Dictionary<string, object>
                    {
                        [attacker.UserId] = new Dictionary<string, object> { [device] = new { text } },
                    },
                }));
        }

        BackUp(attacker, messages, size);
        attacker.Get(Client + "sync?timeout=0");
        return new Targets([messages, state, root, attacker.UserId, Member(attacker, "next_batch")]);
    }

    /// <summary>The request of an attack: a method, a path, and a body if it has one.</summary>
    public (string Method, string Path, string? Body) Request(Random random)
    {
        var room = Uri.EscapeDataString(Messages);
        var state = Uri.EscapeDataString(State);
        var filter = Uri.EscapeDataString("""{"room":{"timeline":{"limit":1000}}}""");
        return random.Next(18) switch
        {
            0 or 1 => ("GET", $"{Client}rooms/{room}/messages?dir=b&limit=1000", null),
            2 => ("GET", $"{Client}rooms/{room}/messages?dir=f&limit=1000", null),
            3 => ("GET", $"{Client}rooms/{room}/initialSync?limit=1000", null),
            4 => ("GET", $"{Client}initialSync?limit=1000", null),
            5 => ("GET", $"/_matrix/client/v1/rooms/{room}/relations/{Uri.EscapeDataString(Root)}?limit=1000", null),
            6 => ("GET", $"{Client}rooms/{room}/context/{Uri.EscapeDataString(Root)}?limit=100", null),
            7 => ("GET", $"{Client}sync?timeout=0&full_state=true&since={Since}&filter={filter}", null),
            8 => ("GET", $"{Client}sync?timeout=0&filter={filter}", null),
            9 => ("GET", $"{Client}sync?timeout=0", null),
            10 => ("POST", $"{Client}search",
                """{"search_categories":{"room_events":{"search_term":"xxx","filter":{"limit":100}}}}"""),
            11 => ("GET", $"{Client}room_keys/keys?version=1", null),
            12 => ("GET", $"{Client}rooms/{state}/state", null),
            13 => ("GET", $"{Client}rooms/{state}/members", null),
            14 => ("POST", $"{Client}keys/query", $$$"""{"device_keys":{"{{{UserId}}}":[]}}"""),
            15 => ("GET", $"{Client}publicRooms?limit=1000", null),
            16 => ("GET", $"/_matrix/client/v1/rooms/{room}/threads?limit=1000", null),
            _ => ("POST", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0",
                $$$$"""
                {"conn_id":"{{{{random.Next(8)}}}}","lists":{"all":{"ranges":[[0,99]],"timeline_limit":200,
                "required_state":[["*","*"]]}},"extensions":{"account_data":{"enabled":true},
                "to_device":{"enabled":true}}}
                """),
        };
    }

    private static void BackUp(Account attacker, string room, int size)
    {
        attacker.Post(
            Client + "room_keys/version",
            """{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"abcdefg"}}"""u8);
        var data = new { ciphertext = new string('x', 2000), ephemeral = "e", mac = "m" };
        for (var at = 0; at < size * 4; at += 500)
        {
            var sessions = Enumerable.Range(at, 500).ToDictionary(
                i => $"session{i}",
                i => new
                {
                    first_message_index = 0,
                    forwarded_count = 0,
                    is_verified = false,
                    session_data = data,
                });
            var body = JsonSerializer.SerializeToUtf8Bytes(new
            {
                rooms = new Dictionary<string, object> { [room] = new { sessions } },
            });
            attacker.Connection.Put(Client + "room_keys/keys?version=1", body);
        }
    }

    private static string Member(Account account, string name)
    {
        using var json = JsonDocument.Parse(Encoding.UTF8.GetString(account.Connection.Body));
        return json.RootElement.GetProperty(name).GetString()!;
    }
}
