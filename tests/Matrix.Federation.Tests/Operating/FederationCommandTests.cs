using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Federation.Tests.Outbound;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Operating;

/// <summary>`mx federation`, with a running server.</summary>
public sealed class FederationCommandTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task SetUpAsync() => _server = await TestServer.StartFederatingAsync(
        null,
        ("federation.outbound_first_pause", "2s"),
        ("federation.outbound_outage_after", "1s"),
        ("federation.outbound_wake_pause", "100ms"),
        ("federation.outbound_record_interval", "100ms"));

    [OneTimeTearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_server_that_is_well_passes_every_step()
    {
        var text = await RunAsync("federation", "check", _server.Name);
        var json = await RunAsync("federation", "check", _server.Name, "--format", "json");

        Assert.That(text.Code, Is.Zero, text.Output + text.Errors);
        Assert.That(text.Output, Does.Contain("✓ tls ").And.Contain("✓ keys ").And.Contain("ed25519:"));
        Assert.That(
            json.Json.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("step").GetString()),
            Is.EqualTo(new[] { "discovery", "tls", "keys", "clock", "version" }));
        Assert.That(text.Output, Does.Contain("Matrix.Hybrid"));
    }

    [Test]
    public async Task The_version_of_another_program_is_shown()
    {
        await using var peer = await AnsweringPeer.StartAsync();
        peer.Answers = request => request.Path == "v1/version"
            ? (200, new JsonObject { ["server"] = new JsonObject { ["name"] = "Other", ["version"] = "7.5" } })
            : null;

        var ran = await RunAsync("federation", "check", peer.Peer.Name);

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That(ran.Output, Does.Match("✓ version +.*Other.*7\\.5"));
    }

    [Test]
    public async Task What_is_wrong_is_named()
    {
        var dead = Loopback.Next().ToString();
        await using var peer = await ReceivingPeer.StartAsync();

        var refused = await RunAsync("federation", "check", dead);
        var denied = await RunAsync("federation", "check", "192.168.1.1:8448");
        var noName = await RunAsync("federation", "check", "not a name");
        var noVersion = await RunAsync("federation", "check", peer.Peer.Name);

        Assert.That((refused.Code, refused.Output), Is.EqualTo((1, refused.Output)));
        Assert.That(refused.Output, Does.Match($@"✗ connection +{dead}: Connection refused"));
        Assert.That(denied.Output, Does.Match("✗ discovery +.*addresses that may not be reached"));
        Assert.That(noName.Output, Does.Match("✗ discovery +.*not the name of a server"));
        Assert.That(noVersion.Output, Does.Contain("✓ keys ").And.Match("✗ version +.*status 404"));
        Assert.That(noVersion.Code, Is.EqualTo(1));
    }

    [Test]
    public async Task A_certificate_of_an_unknown_authority_is_named()
    {
        var settings = new Dictionary<string, string>(_server.Variables);
        settings.Remove("MATRIX_FEDERATION__CUSTOM_CA");

        var ran = await Command.RunInAsync(settings, "", "federation", "check", _server.Name);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Match("✗ tls +.*an authority that is not trusted"));
    }

    [Test]
    public async Task A_server_that_does_not_answer_is_listed_shown_and_tried_again()
    {
        await using var peer = await ReceivingPeer.StartAsync();
        var alice = await _server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var room = await peer.Peer.JoinsAsync(_server, roomId, "bob");
        peer.Rules = room.Rules;
        await peer.DownAsync();
        await alice.SaysAsync(roomId, "are you there?");

        // Failures are recorded once the server counts as down. The next attempt is seconds away then.
        var isDown = new Regex($@"(?m)^{Regex.Escape(peer.Peer.Name)} +[3-9] ");
        var listed = await EventuallyAsync(ran => isDown.IsMatch(ran.Output), "federation", "list");
        var shown = await RunAsync("federation", "show", peer.Peer.Name, "--format", "json");

        Assert.That(listed.Output, Does.Match(isDown));
        Assert.That(shown.Json.GetProperty("fails").GetBoolean());
        Assert.That(shown.Json.GetProperty("last_failure").GetString(), Does.Contain("Connection refused"));
        Assert.That(
            shown.Json.GetProperty("rooms").EnumerateArray().Select(each => each.GetProperty("room_id").GetString()),
            Is.EqualTo(new[] { roomId }));

        // While the server is down an attempt waits, unless one is just made.
        var failed = await EventuallyAsync(
            ran => ran.Errors.Contains("was tried", StringComparison.Ordinal),
            "federation", "retry", peer.Peer.Name);
        Assert.That(
            (failed.Code, failed.Errors),
            Is.EqualTo((1, failed.Errors)));
        Assert.That(failed.Errors, Does.Match($"^mx: {peer.Peer.Name} was tried: .*Connection refused"));
        await peer.UpAsync();
        var retried = await EventuallyAsync(
            ran => peer.Taken.Count > 0, "federation", "retry", peer.Peer.Name);
        Assert.That(peer.Events, Has.Count.EqualTo(1), retried.Errors);

        var healthy = await RunAsync("federation", "retry", peer.Peer.Name);
        Assert.That(
            (healthy.Code, healthy.Errors),
            Is.EqualTo((1, "mx: The server is not waiting for a new attempt.\n")));
    }

    [Test]
    public async Task The_control_socket_admits_its_owner_only()
    {
        var folder = Path.Combine(_server.Folder, "control");

        Assert.That(
            File.GetUnixFileMode(folder),
            Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
        var elsewhere = new Dictionary<string, string>(_server.Variables)
        {
            ["MATRIX_DATA_DIR"] = Path.Combine(_server.Folder, "empty"),
        };
        var ran = await Command.RunInAsync(elsewhere, "", "federation", "retry", "a.example");
        Assert.That((ran.Code, ran.Errors), Is.EqualTo(
            (1, "mx: no server is running with this data folder, or it is another user's\n")));
    }

    private async Task<Ran> EventuallyAsync(Func<Ran, bool> holds, params string[] arguments)
    {
        var ran = await RunAsync(arguments);
        for (var attempt = 0; attempt < 50 && !holds(ran); attempt++)
        {
            await Task.Delay(200);
            ran = await RunAsync(arguments);
        }

        return ran;
    }

    private Task<Ran> RunAsync(params string[] arguments) =>
        Command.RunInAsync(_server.Variables, "", arguments);
}
