using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Queries of the keys of 1,000 devices, and claims of a one-time key of each, on both databases. As those of today's
/// clients, the devices have fallback keys too.
/// </summary>
internal sealed class KeysMeasure : IMeasure
{
    private const int Devices = 1000;
    private const int KeysOfDevice = 60;
    private const int WarmUp = 15;
    private const double Target = 20;

    public string Name => "keys";

    public string Sentence => "queries and claims of the keys of 1,000 devices";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await RunAsync(bench, "SQLite", null, stop);
        await RunAsync(bench, "PostgreSQL", bench.Postgres.New("device_keys"), stop);
    }

    private static async Task RunAsync(MeasureContext bench, string database, string? url, CancellationToken stop)
    {
        using var registration = new ServiceRegistration(null, "@_load_.*");
        using var server = await ClientServer.StartAsync(url, registration.Settings, stop);
        var devices = MakeDevices(server);
        devices.ForEach(device => Upload(server, device));

        var reader = server.Population.First(1)[0];
        var query = Body(devices, "device_keys", _ => "[]");
        var claim = Body(devices, "one_time_keys", device => $$"""{"{{device.Id}}":"signed_curve25519"}""");
        var queries = Times(reader, "/_matrix/client/v3/keys/query", query, 100);
        bench.Add(Outcome.AtMost(
            $"keys: {database}, query of {Devices} devices: p50, scaled", Target,
            queries.Percentile(50) / bench.Scale, "ms"));
        var claims = Times(reader, "/_matrix/client/v3/keys/claim", claim, KeysOfDevice - WarmUp);
        bench.Add(Outcome.AtMost(
            $"keys: {database}, claim of a key of {Devices} devices: p50, scaled", Target,
            claims.Percentile(50) / bench.Scale, "ms"));
        var claimed = Encoding.UTF8.GetString(reader.Connection.Body).Split("signed_curve25519:").Length - 1;
        bench.Add(Outcome.AtMost($"keys: {database}, devices without a key", 0, Devices - claimed, "devices"));
    }

    private static List<Device> MakeDevices(ClientServer server)
    {
        var users = new ServiceUsers(server.Stage.Server, ServiceRegistration.Token, "hybrid.test");
        var devices = new Device[Devices];
        users.Each(
            Devices,
            i => new ServiceRequest(
                "POST", "/_matrix/client/v3/register",
                $$"""{"type":"m.login.application_service","username":"_load_{{i}}"}""", null),
            (i, connection) =>
            {
                using var made = JsonDocument.Parse(connection.BodyText);
                devices[i] = new Device(
                    users.UserId(i), made.RootElement.GetProperty("device_id").GetString()!,
                    made.RootElement.GetProperty("access_token").GetString()!);
            });
        return [.. devices];
    }

    /// <summary>Keys of the form and size of real ones; a server does not verify them.</summary>
    private static void Upload(ClientServer server, Device device)
    {
        var key = new string('A', 43);
        var signature = new string('A', 86);
        var signatures = $$"""{"{{device.UserId}}":{"ed25519:{{device.Id}}":"{{signature}}"} }""";
        var oneTime = string.Join(',', Enumerable.Range(0, KeysOfDevice).Select(i =>
            $$""" "signed_curve25519:AAAA{{i:00}}":{"key":"{{key}}","signatures":{{signatures}}}"""));
        var fallback = $$""" "signed_curve25519:FFFF":{"key":"{{key}}","fallback":true,"signatures":{{signatures}} }""";
        var body = $$"""
            {"device_keys":{"user_id":"{{device.UserId}}","device_id":"{{device.Id}}",
            "algorithms":["m.olm.v1.curve25519-aes-sha2","m.megolm.v1.aes-sha2"],
            "keys":{"curve25519:{{device.Id}}":"{{key}}","ed25519:{{device.Id}}":"{{key}}"},
            "signatures":{{signatures}}},"one_time_keys":{ {{oneTime}} },
            "fallback_keys":{ {{fallback}} } }
            """;
        using var connection = new HttpConnection(server.Stage.Server.Target, device.Token);
        var status = connection.Post("/_matrix/client/v3/keys/upload", Encoding.UTF8.GetBytes(body));
        if (status != 200) throw new InvalidDataException($"An upload of keys: {status} {connection.BodyText}");
    }

    private static byte[] Body(List<Device> devices, string name, Func<Device, string> of) => Encoding.UTF8.GetBytes(
        $$$"""{"{{{name}}}":{"""
            + string.Join(',', devices.Select(device => $"\"{device.UserId}\":{of(device)}")) + "}}");

    private static Durations Times(Account reader, string path, byte[] body, int count)
    {
        var times = new Durations();
        for (var i = -WarmUp; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            reader.Post(path, body);
            if (i >= 0) times.Add(Stopwatch.GetTimestamp() - start);
        }

        return times;
    }

    private sealed record Device(string UserId, string Id, string Token);
}
