using System.Buffers.Text;
using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Users;

/// <summary>The bodies of requests, of the form and size of real ones: no server reads what is encrypted.</summary>
internal static class Contents
{
    private const int EncryptionOverhead = 500;
    private const int KeysOfUpload = 20;

    private static readonly string _letters = new('A', 4096);
    private static readonly string _words = string.Concat(Enumerable.Repeat(Account.Sentence, 3));

    private static readonly byte[] _sent = "\"org.example.sent\":"u8.ToArray();

    public static byte[] Message(int size) =>
        Bytes($$"""{"msgtype":"m.text","body":"{{_words[..size]}}","org.example.sent":{{Stopwatch.GetTimestamp()}}}""");

    public static byte[] Encrypted(Device device, int size) => Bytes($$"""
        {"algorithm":"m.megolm.v1.aes-sha2","sender_key":"{{_letters[..43]}}","device_id":"{{device.Id}}",
        "session_id":"{{_letters[..43]}}","ciphertext":"{{_letters[..(size + EncryptionOverhead)]}}",
        "org.example.sent":{{Stopwatch.GetTimestamp()}}}
        """);

    public static byte[] Picture(string uri, int size) => Bytes($$"""
        {"msgtype":"m.image","body":"picture.jpg","info":{"mimetype":"image/jpeg","size":{{size}},"w":1600,"h":1200},
        "file":{"url":"{{uri}}","v":"v2","key":{"kty":"oct","alg":"A256CTR","ext":true,"k":"{{_letters[..43]}}",
        "key_ops":["encrypt","decrypt"]},"iv":"{{_letters[..22]}}","hashes":{"sha256":"{{_letters[..43]}}"} },
        "org.example.sent":{{Stopwatch.GetTimestamp()}}}
        """);

    public static byte[] Reaction(string eventId) => Bytes($$"""
        {"m.relates_to":{"rel_type":"m.annotation","event_id":"{{eventId}}","key":"{{Stopwatch.GetTimestamp()}}"} }
        """);

    /// <summary>A device's keys, and its first one-time keys and a fallback key.</summary>
    public static byte[] DeviceKeys(Device device)
    {
        var signatures = Signatures(device);
        var key = _letters[..43];
        return Bytes($$"""
            {"device_keys":{"user_id":"{{device.UserId}}","device_id":"{{device.Id}}",
            "algorithms":["m.olm.v1.curve25519-aes-sha2","m.megolm.v1.aes-sha2"],
            "keys":{"curve25519:{{device.Id}}":"{{key}}","ed25519:{{device.Id}}":"{{key}}"},
            "signatures":{{signatures}}},"one_time_keys":{ {{OneTime(device)}} },
            "fallback_keys":{"signed_curve25519:FFFF":{"key":"{{key}}","fallback":true,"signatures":{{signatures}}} } }
            """);
    }

    /// <summary>More one-time keys.</summary>
    public static byte[] OneTimeKeys(Device device) => Bytes($$"""{"one_time_keys":{ {{OneTime(device)}} } }""");

    public static byte[] Query(IEnumerable<string> users) =>
        Bytes($$"""{"device_keys":{ {{string.Join(',', users.Select(static each => $"\"{each}\":[]"))}} } }""");

    public static byte[] Claim(IEnumerable<Device> devices) => Bytes(
        $$"""{"one_time_keys":{ {{PerUser(devices, static _ => "\"signed_curve25519\"")}} } }""");

    /// <summary>A room key for each of the devices.</summary>
    public static byte[] RoomKeys(IEnumerable<Device> devices)
    {
        var content = $$$"""
            {"algorithm":"m.olm.v1.curve25519-aes-sha2","sender_key":"{{{_letters[..43]}}}",
            "ciphertext":{"{{{_letters[..43]}}}":{"type":1,"body":"{{{_letters[..900]}}}"} } }
            """;
        return Bytes($$"""{"messages":{ {{PerUser(devices, _ => content)}} } }""");
    }

    /// <summary>Reads when the messages in a response were sent, by the timestamps in their contents.</summary>
    public static void ForEachSent(ReadOnlySpan<byte> response, Action<long> sent)
    {
        for (int at; (at = response.IndexOf(_sent)) >= 0;)
        {
            response = response[(at + _sent.Length)..];
            if (Utf8Parser.TryParse(response, out long timestamp, out _)) sent(timestamp);
        }
    }

    private static string PerUser(IEnumerable<Device> devices, Func<Device, string> value) => string.Join(
        ',',
        devices.GroupBy(static each => each.UserId).Select(user =>
            $$"""
            "{{user.Key}}":{ {{string.Join(',', user.Select(each => $"\"{each.Id}\":{value(each)}"))}} }
            """));

    private static string OneTime(Device device)
    {
        var signatures = Signatures(device);
        var first = device.Keys;
        device.Keys += KeysOfUpload;
        return string.Join(',', Enumerable.Range(first, KeysOfUpload).Select(i => $$"""
            "signed_curve25519:K{{i:000000}}":{"key":"{{_letters[..37]}}{{i:000000}}","signatures":{{signatures}} }
            """));
    }

    private static string Signatures(Device device) =>
        $$"""{"{{device.UserId}}":{"ed25519:{{device.Id}}":"{{_letters[..86]}}"} }""";

    private static byte[] Bytes(string json) => Encoding.UTF8.GetBytes(json);
}
