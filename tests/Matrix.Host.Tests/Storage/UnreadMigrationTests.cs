using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Tests.Storage;

/// <summary>The rows that versions before wrote for users of other servers.</summary>
internal sealed class UnreadMigrationTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task Rows_of_users_of_other_servers_are_deleted()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "unread_of_other_servers")];
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        string[] users = [Samples.Alice, "@a:other.example.org", "@a:example.org:8448", Samples.Remote];
        foreach (var user in users)
        {
            await Write(new UnreadAdded(
                user, Samples.Live(Samples.Kitchen, 1), EventNid.None, UnreadKind.Highlight | UnreadKind.Notify));
        }

        await Store.DisposeAsync();
        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var kept = new List<string>();
        foreach (var user in users)
        {
            if ((await Store.Unread.RowsAsync(user, Stop)).Count > 0) kept.Add(user);
        }

        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(kept, Is.EqualTo(new[] { Samples.Alice }));
    }
}
