using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx event` and `mx keys`.</summary>
internal sealed class EventTests
{
    private const string Event = """
        {"type":"m.room.message","sender":"@alice:one.test","room_id":"!room:one.test",
         "content":{"msgtype":"m.text", "body":"hello"},
         "origin_server_ts":1000,"depth":7,"prev_events":[],"auth_events":[],"unsigned":{"age":1}}
        """;

    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("cli");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task An_event_is_printed_in_canonical_form_from_a_file_or_standard_input()
    {
        var canonical = """
            {"auth_events":[],"content":{"body":"hello","msgtype":"m.text"},"depth":7,"origin_server_ts":1000,
            "prev_events":[],"room_id":"!room:one.test","sender":"@alice:one.test","type":"m.room.message",
            "unsigned":{"age":1}}
            """.Replace("\n", "", StringComparison.Ordinal);

        var fromInput = await RunAsync(Event, "event", "canonical", "--room-version", "11");
        var fromFile = await Command.RunAsync(
            "event", "canonical", "--room-version", "11", await WriteAsync("event.json", Event));

        Assert.That((fromInput.Code, fromInput.Output), Is.EqualTo((0, canonical + "\n")), fromInput.Errors);
        Assert.That(fromFile.Output, Is.EqualTo(fromInput.Output));
    }

    [Test]
    public async Task A_signed_event_verifies_with_the_key_and_not_when_it_is_changed()
    {
        var (key, keyId, publicKey) = await KeyAsync();
        var signed = await RunAsync(
            Event, "event", "sign", "--room-version", "11", "--key", key, "--server", "one.test");
        string[] verify = [
            "event", "verify", "--room-version", "11", "--public-key", "one.test", keyId, publicKey, "--format",
            "json"];

        var good = await RunAsync(signed.Output, verify);
        var without = await RunAsync(signed.Output, "event", "verify", "--room-version", "11");
        var changed = await RunAsync(signed.Output.Replace("hello", "goodbye", StringComparison.Ordinal), verify);
        var forged = await RunAsync(
            signed.Output.Replace("\"depth\":7", "\"depth\":8", StringComparison.Ordinal), verify);

        Assert.Multiple(() =>
        {
            Assert.That((good.Code, good.Json.GetProperty("good").GetBoolean()), Is.EqualTo((0, true)), good.Errors);
            Assert.That(without.Code, Is.EqualTo(1), "nothing is verified without a key");
            Assert.That(without.Output, Does.Contain("no key"));

            // The signature covers the content's hash, not the content.
            Assert.That(
                (changed.Code, changed.Json.GetProperty("content_hash_holds").GetBoolean()), Is.EqualTo((1, false)));
            Assert.That(changed.Json.GetProperty("servers")[0].GetProperty("signed").GetBoolean(), Is.True);
            Assert.That(forged.Json.GetProperty("servers")[0].GetProperty("signed").GetBoolean(), Is.False);
        });
    }

    [Test]
    public async Task Keys_of_servers_responses_count_only_while_they_are_valid()
    {
        var (key, keyId, publicKey) = await KeyAsync();
        var signed = await RunAsync(
            Event, "event", "sign", "--room-version", "11", "--key", key, "--server", "one.test");
        var answer = (long until) => JsonSerializer.Serialize(new
        {
            server_name = "one.test",
            valid_until_ts = until,
            verify_keys = new Dictionary<string, object> { [keyId] = new { key = publicKey } },
        });

        var then = await RunAsync(
            signed.Output, "event", "verify", "--room-version", "11", "--keys",
            await WriteAsync("then.json", answer(1000)));
        var before = await RunAsync(
            signed.Output, "event", "verify", "--room-version", "11", "--keys",
            await WriteAsync("before.json", answer(999)));

        Assert.That((then.Code, before.Code), Is.EqualTo((0, 1)), then.Errors);
        Assert.That(before.Output, Does.Contain("expired"));
    }

    [Test]
    public async Task An_events_id_is_its_hash_or_in_versions_1_and_2_its_event_id_member()
    {
        var named = Event.Replace("\"depth\"", "\"event_id\":\"$own:one.test\",\"depth\"", StringComparison.Ordinal);

        var first = await RunAsync(named, "event", "id", "--room-version", "1");
        var third = await RunAsync(Event, "event", "id", "--room-version", "3");
        var fourth = await RunAsync(Event, "event", "id", "--room-version", "4");
        var hash = await RunAsync(Event, "event", "hash", "--room-version", "4", "--format", "json");
        var reference = hash.Json.GetProperty("reference_hash").GetString()!;

        Assert.That(first.Output, Is.EqualTo("$own:one.test\n"));
        Assert.That(third.Output, Is.EqualTo($"${reference}\n"));
        Assert.That(fourth.Output, Is.EqualTo($"${reference.Replace('+', '-').Replace('/', '_')}\n"));
        Assert.That(hash.Json.GetProperty("content_hash").GetString(), Has.Length.EqualTo(43));
    }

    [Test]
    public async Task Redact_keeps_what_the_room_version_keeps()
    {
        var redacted = await RunAsync(Event, "event", "redact", "--room-version", "11");

        Assert.That(redacted.Output, Does.Contain("\"content\":{}").And.Not.Contain("unsigned"), redacted.Errors);
    }

    [TestCase("{\"a\":1,}", "11", "standard input:1:8: expected JSON")]
    [TestCase(
        "{\"a\":\n1.5}", "11", "standard input:2:1: expected an integer: this room version allows no other numbers")]
    [TestCase("[]", "11", "expected an object")]
    [TestCase("{}", "99", "there is no room version '99': expected one of 1, 2, 3")]
    public async Task Invalid_input_is_reported_with_its_position_and_exit_code_2(
        string input, string version, string told)
    {
        var ran = await RunAsync(input, "event", "canonical", "--room-version", version);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((2, "")));
        Assert.That(ran.Errors, Does.Contain(told));
    }

    [Test]
    public async Task Floats_are_kept_in_room_versions_that_allow_them()
    {
        var ran = await RunAsync("{\"a\":1.5}", "event", "canonical", "--room-version", "5");

        Assert.That((ran.Code, ran.Output), Is.EqualTo((0, "{\"a\":1.5}\n")), ran.Errors);
    }

    [Test]
    public async Task A_missing_member_is_reported_by_its_name()
    {
        var unnamed = await RunAsync(Event, "event", "id", "--room-version", "2");
        var unsigned = await RunAsync(Event, "event", "verify", "--room-version", "11");
        var noFile = await Command.RunAsync("event", "id", "--room-version", "2", "nowhere.json");

        Assert.That((unnamed.Code, unsigned.Code, noFile.Code), Is.EqualTo((2, 2, 2)));
        Assert.That(unnamed.Errors, Does.Contain("standard input: expected `event_id`"));
        Assert.That(unsigned.Errors, Does.Contain("standard input: expected `hashes`"));
        Assert.That(noFile.Errors, Does.Contain("nowhere.json: there is no such file"));
    }

    [Test]
    public async Task A_key_file_is_never_overwritten_and_only_its_owner_can_read_it()
    {
        var file = Path.Combine(_folder, "signing.key");

        var made = await Command.RunAsync("keys", "generate", "--out", file, "--key-version", "mine");
        var again = await Command.RunAsync("keys", "generate", "--out", file);
        var badName = await Command.RunAsync("keys", "generate", "--key-version", "a:b");

        Assert.That((made.Code, again.Code, badName.Code), Is.EqualTo((0, 1, 2)), made.Errors);
        Assert.That(await File.ReadAllTextAsync(file), Does.Match("^ed25519 mine [A-Za-z0-9+/]{43}\n$"));
        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(again.Errors, Does.Contain("there is a file already"));
    }

    private static Task<Ran> RunAsync(string input, params string[] arguments) =>
        Command.RunInAsync(new Dictionary<string, string>(), input, arguments);

    private async Task<(string File, string Id, string Public)> KeyAsync()
    {
        var file = Path.Combine(_folder, "signing.key");
        var made = await Command.RunAsync("keys", "generate", "--out", file, "--format", "json");
        return (file, made.Json.GetProperty("key_id").GetString()!, made.Json.GetProperty("public_key").GetString()!);
    }

    private async Task<string> WriteAsync(string name, string text)
    {
        var file = Path.Combine(_folder, name);
        await File.WriteAllTextAsync(file, text);
        return file;
    }
}
