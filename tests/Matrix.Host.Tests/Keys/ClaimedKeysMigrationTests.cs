using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Keys;

/// <summary>One-time keys of versions that kept claimed keys in a table of their own.</summary>
internal sealed class ClaimedKeysMigrationTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Phone = "PHONE";

    // A was claimed, and an earlier key with the id B. B was uploaded before C, and both are left.
    private const string Rows = """

        INSERT INTO users (user_id, kind, is_admin, erased, created_at) VALUES
            ('@alice:example.org', 1, 0, 0, 0);
        INSERT INTO devices (user_id, device_id, created_at) VALUES ('@alice:example.org', 'PHONE', 0);
        INSERT INTO claimed_keys (user_id, device_id, algorithm, key_id, json, position) VALUES
            ('@alice:example.org', 'PHONE', 'curve', 'A', CAST('1' AS BLOB), 7),
            ('@alice:example.org', 'PHONE', 'curve', 'B', CAST('0' AS BLOB), 6);
        INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, json, position, seq) VALUES
            ('@alice:example.org', 'PHONE', 'curve', 'C', CAST('3' AS BLOB), 9, 0),
            ('@alice:example.org', 'PHONE', 'curve', 'B', CAST('2' AS BLOB), 8, 1);
        """;

    [Test]
    public async Task Claimed_keys_stay_claimed_and_the_others_are_claimed_in_the_order_of_their_upload()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "claims_by_place")];
        before[^1] = before[^1] with { Text = before[^1].Text + Rows };
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Store.DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var counts = await Store.Keys.CountsAsync(Alice, Phone, Stop);
        var repeated = await Applies(new OneTimeKeyUploaded(Alice, Phone, "curve", "A", "1"u8.ToArray()));
        var ids = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            var claim = new KeysClaimed(Alice, Phone, "curve");
            await Write(claim);
            ids.Add(claim.Claims[0].KeyId);
        }

        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(counts.OneTime["curve"], Is.EqualTo(2));
        Assert.That(repeated);
        Assert.That(ids, Is.EqualTo(new[] { "B", "C", null }));
    }
}
