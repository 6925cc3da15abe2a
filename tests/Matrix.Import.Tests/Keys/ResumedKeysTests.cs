using Matrix.Host.Storage;
using Matrix.Import.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Keys;

/// <summary>Parts that are interrupted go on where they were, and neither lose nor double a row.</summary>
internal sealed class ResumedKeysTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const int Many = 5_000;

    protected override IReadOnlyList<string> Tables =>
    [
        KeyTables.Devices,
        """
        CREATE TABLE e2e_room_keys (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, session_id TEXT NOT NULL, version BIGINT NOT NULL,
            first_message_index INT, forwarded_count INT, is_verified BOOLEAN, session_data TEXT NOT NULL)
        """,
        """
        CREATE TABLE e2e_room_keys_versions (
            user_id TEXT NOT NULL, version BIGINT NOT NULL, algorithm TEXT NOT NULL, auth_data TEXT NOT NULL,
            deleted SMALLINT DEFAULT 0 NOT NULL, etag BIGINT)
        """,
        """
        CREATE TABLE device_inbox (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, stream_id BIGINT NOT NULL, message_json TEXT NOT NULL)
        """,
    ];

    protected override IReadOnlyList<IImportPart> Parts =>
        [new KnownUsers("alice/PHONE"), new MessagesToDevicesPart(), new KeyBackupsPart()];

    [Test]
    public async Task An_import_that_ends_in_the_middle_of_an_inbox_or_a_backup_carries_the_rest_later()
    {
        await Source.InsertAsync("devices", ("user_id", Id("alice")), ("device_id", "PHONE"), ("hidden", false));
        var numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + $"{Many})";
        await Source.ExecuteAsync($$"""
            {{numbers}} INSERT INTO device_inbox (user_id, device_id, stream_id, message_json)
                SELECT '{{Id("alice")}}', 'PHONE', i, '{"type":"m.a"}' FROM n
            """);
        await Source.ExecuteAsync($$"""
            {{numbers}} INSERT INTO e2e_room_keys (user_id, room_id, session_id, version, first_message_index,
                forwarded_count, is_verified, session_data)
                SELECT '{{Id("alice")}}', '!r:x', CAST(100000 + i AS TEXT), 1, 0, 0, TRUE, '{}' FROM n
            """);
        await Source.InsertAsync(
            "e2e_room_keys_versions",
            ("user_id", Id("alice")),
            ("version", 1),
            ("algorithm", "a"),
            ("auth_data", "{}"),
            ("etag", 17));

        var interrupted = 0;
        while (true)
        {
            try
            {
                await ImportAsync([.. Parts.Select(static part => new InterruptedPart(part))]);
                break;
            }
            catch (InterruptedException)
            {
                interrupted++;
            }
        }

        Assert.That(interrupted, Is.GreaterThanOrEqualTo(4));
        await using var target = await OpenTargetAsync(numbers: null);
        var messages = await target.ToDevice.OfDeviceAsync(
            Id("alice"), "PHONE", 0, target.Writer.PublishedPosition, 2 * Many, Stop);
        Assert.That(
            messages.Select(static row => (int)row.Position), Is.EqualTo(Enumerable.Range(1, Many)));
        Assert.That(
            await target.KeyBackup.FindVersionAsync(Id("alice"), 1, Stop) is { Count: Many, Etag: 17 }, Is.True);
        Assert.That(
            await target.KeyBackup.KeysAsync(Id("alice"), 1, null, null, ("", ""), 2 * Many, Stop),
            Has.Count.EqualTo(Many));
        Assert.That(
            (await target.Imports.ProgressAsync(Stop)).Select(static row => row.Counts),
            Has.Some.Contains($"\"Written\":{Many}"));
    }
}
