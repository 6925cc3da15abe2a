using Matrix.Core.Facade;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.TestWorld.Authorities;

namespace Matrix.Host.Tests.Authorities;

/// <summary>What every test of a server asks of each batch finds those that name a wrong authority.</summary>
internal sealed class AuthorityLawTests
{
    private const string Alice = "@alice:test.example";
    private static readonly RoomNid _kitchen = new(1);
    private static readonly Authority _room = Authority.Room("!kitchen:test.example");
    private static readonly Change _staged = new StagedEventRemoved(_kitchen, "$one");
    private static readonly Change _tag = new AccountDataPut(Alice, _kitchen, "m.tag", "{}"u8.ToArray());
    private static readonly Change _admin = new AdminChanged(Alice, true);

    private static readonly Change _known = new RoomDeleted(
        new RoomIdentity(_kitchen, _room.Name, RoomRules.Find(RoomRules.Recommended)!), [], 1);

    [Test]
    public void Each_kind_of_change_has_a_line_that_says_what_it_needs() => Assert.That(
        ChangeClaims.Kinds,
        Is.EquivalentTo(typeof(Change).Assembly.GetTypes()
            .Where(static type => type.IsSubclassOf(typeof(Change)) && !type.IsAbstract)));

    [Test]
    public void What_a_lane_decides_names_its_room()
    {
        Assert.That(FaultOf(_room, _staged), Is.Null);
        Assert.That(FaultOf(Authority.Nobody, _staged), Does.Contain("needs"));
        Assert.That(FaultOf(Authority.User(Alice), _staged), Does.Contain("needs"));
        Assert.That(FaultOf(Authority.Duty("jobs"), _staged), Does.Contain("needs"));
    }

    [Test]
    public void A_lane_names_no_other_room()
    {
        var law = new AuthorityLaw();
        Assert.That(law.FaultOf(new WriteBatch(_room).Add(_known)), Is.Null);
        Assert.That(law.FaultOf(new WriteBatch(_room).Add(_staged)), Is.Null);
        Assert.That(law.FaultOf(new WriteBatch(Authority.Room("!garden:test.example")).Add(_staged)), Is.Not.Null);
        Assert.That(law.FaultOf(
            new WriteBatch(_room).AlsoOf(Authority.Room("!garden:test.example")).Add(_staged)), Is.Not.Null);
    }

    [Test]
    public void A_lane_names_its_room_only_whatever_it_writes_beside()
    {
        Assert.That(FaultOf(_room, _staged, _tag), Is.Null);
        Assert.That(
            new AuthorityLaw().FaultOf(new WriteBatch(_room).AlsoOf(Authority.User(Alice)).Add(_staged).Add(_tag)),
            Does.Contain("names more"));
    }

    [Test]
    public void What_a_users_lock_covers_names_that_user()
    {
        Assert.That(FaultOf(Authority.User(Alice), _tag), Is.Null);
        Assert.That(FaultOf(Authority.Nobody, _tag), Does.Contain("needs"));
        Assert.That(FaultOf(Authority.User("@bob:test.example"), _tag), Does.Contain("needs"));
    }

    [Test]
    public void What_conditions_decide_names_nobody()
    {
        Assert.That(FaultOf(Authority.Nobody, _admin), Is.Null);
        Assert.That(FaultOf(Authority.User(Alice), _admin), Does.Contain("names more"));
    }

    [Test]
    public void A_batch_names_all_that_decide_it()
    {
        var (one, two) = (Authority.Server("one.example"), Authority.Server("two.example"));
        Assert.That(FaultOf(one, Pending(one), Pending(two)), Does.Contain("needs"));
        Assert.That(
            new AuthorityLaw().FaultOf(new WriteBatch(one).AlsoOf(two).Add(Pending(one)).Add(Pending(two))), Is.Null);

        static Change Pending(Authority server) => new PendingEventsRecorded(server.Name, _kitchen, [1], false);
    }

    [Test]
    public void A_batch_names_each_authority_once()
    {
        var (one, two) = (Authority.Server("one.example"), Authority.Server("two.example"));
        var batch = new WriteBatch(Authority.Nobody).AlsoOf(one).AlsoOf(one).AlsoOf(Authority.Nobody);
        Assert.That((batch.Authority, batch.OtherAuthorities), Is.EqualTo((one, Array.Empty<Authority>())));

        batch.AlsoOf(two).AlsoOf(one).AlsoOf(two);
        Assert.That(batch.Authority, Is.EqualTo(one));
        Assert.That(batch.OtherAuthorities, Is.EqualTo(new[] { two }));
    }

    private static string? FaultOf(Authority authority, params Change[] changes)
    {
        var batch = new WriteBatch(authority);
        foreach (var change in changes) batch.Add(change);
        return new AuthorityLaw().FaultOf(batch);
    }
}
