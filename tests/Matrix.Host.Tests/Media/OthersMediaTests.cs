using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Tests.Media;

/// <summary>How media of other servers is found that was not used for long.</summary>
internal sealed class OthersMediaTests
{
    [Test]
    public async Task Media_of_users_is_not_looked_through()
    {
        await using var server = await TestServer.StartAsync();
        await server.StopAsync();
        using var database = SqliteConnection.Open(Path.Combine(server.Folder, "matrix.db"), 1000);

        var plan = database.Prepare(Statement.Of("EXPLAIN QUERY PLAN " + MediaTable.UnusedRemote.Sqlite));

        Assert.That(plan.Step());
        Assert.That(plan.Text(3), Does.Contain("USING INDEX media_unused_of_others"));
        plan.Reset();
    }
}
