using System.Net;
using Matrix.Host.Cluster.Membership;
using Orleans;
using Orleans.Runtime;

namespace Matrix.Cluster.Tests.Membership;

/// <summary>What Orleans's protocol asks of the table.</summary>
[Category("PostgreSQL")]
internal sealed class SilosTableTests
{
    private ClusterDatabase _database = null!;
    private SilosTable _table = null!;

    [SetUp]
    public async Task CreateTable()
    {
        _database = await ClusterDatabase.CreateAsync();
        _table = new SilosTable(_database.Source);
        await _table.InitializeMembershipTableAsync(true, CancellationToken.None);
    }

    [TearDown]
    public async Task Dispose() => await _database.DisposeAsync();

    [Test]
    public async Task A_table_begins_empty_with_version_0_and_beginning_again_changes_nothing()
    {
        Assert.That(await InsertAsync(Silo(1)), Is.True);

        await _table.InitializeMembershipTableAsync(true, CancellationToken.None);
        var read = await ReadAsync();

        Assert.That(read.Version.Version, Is.EqualTo(1));
        Assert.That(read.Members, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_row_is_read_as_it_was_inserted()
    {
        var entry = Silo(1);
        entry.AddSuspector(Silo(2).SiloAddress, new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        await InsertAsync(entry);

        var read = (await _table.ReadRowAsync(entry.SiloAddress, CancellationToken.None)).Members.Single().Item1;

        Assert.That(read.SiloAddress, Is.EqualTo(entry.SiloAddress));
        Assert.That(read.SiloName, Is.EqualTo(entry.SiloName));
        Assert.That(read.HostName, Is.EqualTo(entry.HostName));
        Assert.That(read.Status, Is.EqualTo(SiloStatus.Joining));
        Assert.That(read.SuspectTimes, Is.EqualTo(entry.SuspectTimes));
        Assert.That(read.IAmAliveTime, Is.EqualTo(DateTime.UtcNow).Within(TimeSpan.FromSeconds(5)));
    }

    [Test]
    public async Task A_row_that_is_not_there_is_read_with_the_version_of_the_table()
    {
        await InsertAsync(Silo(1));

        var read = await _table.ReadRowAsync(Silo(2).SiloAddress, CancellationToken.None);

        Assert.That(read.Members, Is.Empty);
        Assert.That(read.Version.Version, Is.EqualTo(1));
    }

    [Test]
    public async Task A_row_is_inserted_once_and_the_second_time_leaves_the_version()
    {
        Assert.That(await InsertAsync(Silo(1)), Is.True);
        Assert.That(await InsertAsync(Silo(1)), Is.False);
        Assert.That((await ReadAsync()).Version.Version, Is.EqualTo(1));
    }

    [Test]
    public async Task An_insert_with_an_old_version_of_the_table_changes_nothing()
    {
        var old = (await ReadAsync()).Version;
        await InsertAsync(Silo(1));

        Assert.That(await _table.InsertRowAsync(Silo(2), old.Next(), CancellationToken.None), Is.False);
        Assert.That((await ReadAsync()).Members, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_update_changes_the_row_its_etag_and_the_version()
    {
        await InsertAsync(Silo(1));
        var before = await ReadAsync();
        var (entry, etag) = before.Members.Single();
        entry.Status = SiloStatus.Active;
        entry.AddSuspector(Silo(2).SiloAddress, DateTime.UtcNow);

        Assert.That(await _table.UpdateRowAsync(entry, etag, before.Version.Next(), CancellationToken.None), Is.True);

        var after = await ReadAsync();
        var (read, newEtag) = after.Members.Single();
        Assert.That(read.Status, Is.EqualTo(SiloStatus.Active));
        Assert.That(read.SuspectTimes, Has.Count.EqualTo(1));
        Assert.That(newEtag, Is.Not.EqualTo(etag));
        Assert.That(after.Version.Version, Is.EqualTo(before.Version.Version + 1));
        Assert.That(after.Version.VersionEtag, Is.Not.EqualTo(before.Version.VersionEtag));
    }

    [Test]
    public async Task An_update_with_an_old_etag_changes_nothing()
    {
        await InsertAsync(Silo(1));
        var first = await ReadAsync();
        var (entry, etag) = first.Members.Single();
        entry.Status = SiloStatus.Active;
        await _table.UpdateRowAsync(entry, etag, first.Version.Next(), CancellationToken.None);
        var second = await ReadAsync();
        entry.Status = SiloStatus.Dead;

        Assert.That(await _table.UpdateRowAsync(entry, etag, second.Version.Next(), CancellationToken.None), Is.False);

        var read = await ReadAsync();
        Assert.That(read.Version, Is.EqualTo(second.Version));
        Assert.That(read.Members.Single().Item1.Status, Is.EqualTo(SiloStatus.Active));
    }

    [Test]
    public async Task An_update_with_an_old_version_of_the_table_changes_nothing()
    {
        await InsertAsync(Silo(1));
        var old = await ReadAsync();
        await InsertAsync(Silo(2));
        var (entry, etag) = old.Members.Single();
        entry.Status = SiloStatus.Active;

        Assert.That(await _table.UpdateRowAsync(entry, etag, old.Version.Next(), CancellationToken.None), Is.False);
        Assert.That((await ReadAsync()).TryGet(entry.SiloAddress)!.Item1.Status, Is.EqualTo(SiloStatus.Joining));
    }

    [Test]
    public async Task An_update_of_a_row_that_is_not_there_changes_nothing()
    {
        var version = (await ReadAsync()).Version;

        Assert.That(await _table.UpdateRowAsync(Silo(1), "0", version.Next(), CancellationToken.None), Is.False);
        Assert.That((await ReadAsync()).Version, Is.EqualTo(version));
    }

    [Test]
    public async Task Of_many_changes_of_one_version_exactly_one_is_kept()
    {
        const int Racers = 16;
        for (var round = 0; round < 5; round++)
        {
            var next = (await ReadAsync()).Version.Next();
            var kept = await Task.WhenAll(Enumerable.Range(0, Racers).Select(racer => Task.Run(() =>
                _table.InsertRowAsync(Silo((round * Racers) + racer), next, CancellationToken.None))));

            Assert.That(kept.Count(static isKept => isKept), Is.EqualTo(1));
            Assert.That((await ReadAsync()).Version.Version, Is.EqualTo(round + 1));
        }
    }

    [Test]
    public async Task Being_alive_is_noted_without_a_change_of_etag_or_version()
    {
        await InsertAsync(Silo(1));
        await _database.ScalarAsync("UPDATE silos SET alive_at = alive_at - 60000, started_at = started_at - 60000");
        var before = await ReadAsync();
        var (entry, etag) = before.Members.Single();
        Assert.That(entry.IAmAliveTime, Is.LessThan(DateTime.UtcNow.AddSeconds(-50)));

        await _table.UpdateIAmAliveAsync(entry, CancellationToken.None);

        var after = await ReadAsync();
        var (read, sameEtag) = after.Members.Single();
        Assert.That(read.IAmAliveTime, Is.EqualTo(DateTime.UtcNow).Within(TimeSpan.FromSeconds(5)));
        Assert.That(sameEtag, Is.EqualTo(etag));
        Assert.That(after.Version, Is.EqualTo(before.Version));
    }

    [Test]
    public async Task A_vote_of_another_silo_does_not_make_a_silo_alive()
    {
        await InsertAsync(Silo(1));
        await _database.ScalarAsync("UPDATE silos SET alive_at = alive_at - 60000");
        var read = await ReadAsync();
        var (entry, etag) = read.Members.Single();
        entry.IAmAliveTime = DateTime.UtcNow;
        entry.AddSuspector(Silo(2).SiloAddress, DateTime.UtcNow);

        Assert.That(await _table.UpdateRowAsync(entry, etag, read.Version.Next(), CancellationToken.None), Is.True);

        Assert.That(
            (await ReadAsync()).Members.Single().Item1.IAmAliveTime, Is.LessThan(DateTime.UtcNow.AddSeconds(-50)));
    }

    [Test]
    public async Task What_a_node_says_of_itself_stays_when_others_change_its_row()
    {
        await InsertAsync(Silo(1));
        var says = new NodeSays(Readiness.Ready, new IPEndPoint(IPAddress.Loopback, 7001));
        await _table.SayAsync(Silo(1).SiloAddress, says, CancellationToken.None);
        var read = await ReadAsync();
        var (entry, etag) = read.Members.Single();
        entry.Status = SiloStatus.Active;

        Assert.That(await _table.UpdateRowAsync(entry, etag, read.Version.Next(), CancellationToken.None), Is.True);

        var rows = await _table.ReadAsync(CancellationToken.None);
        Assert.That(rows.Rows.Single().Says, Is.EqualTo(says));
        Assert.That(
            () => _table.SayAsync(Silo(2).SiloAddress, new NodeSays(Readiness.Ready, null), CancellationToken.None),
            Throws.InvalidOperationException);
    }

    [Test]
    public async Task Only_rows_that_have_been_dead_for_long_are_cleaned_up()
    {
        foreach (var silo in new[] { 1, 2, 3 }) await InsertAsync(Silo(silo));
        await _database.ScalarAsync($"UPDATE silos SET status = {(int)SiloStatus.Dead} WHERE port IN (1, 2)");
        await _database.ScalarAsync(
            "UPDATE silos SET changed_at = changed_at - 60000, alive_at = alive_at - 60000 WHERE port IN (1, 3)");

        await _table.CleanupDefunctSiloEntriesAsync(DateTimeOffset.UtcNow.AddSeconds(-30), CancellationToken.None);

        Assert.That(
            (await ReadAsync()).Members.Select(static member => member.Item1.SiloAddress.Endpoint.Port),
            Is.EquivalentTo([2, 3]));
    }

    private static MembershipEntry Silo(int number) => new()
    {
        SiloAddress = SiloAddress.New(System.Net.IPAddress.Loopback, number, 7),
        SiloName = SiloNames.Of(new($"node-{number}", 1000 + number)),
        HostName = "host",
        Status = SiloStatus.Joining,
        SuspectTimes = [],
    };

    private Task<MembershipTableData> ReadAsync() => _table.ReadAllAsync(CancellationToken.None);

    private async Task<bool> InsertAsync(MembershipEntry entry) => await _table.InsertRowAsync(
        entry, (await ReadAsync()).Version.Next(), CancellationToken.None);
}
