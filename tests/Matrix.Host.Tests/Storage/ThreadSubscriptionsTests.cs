using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Subscriptions to threads.</summary>
internal sealed class ThreadSubscriptionsTests(string kind) : StorageTests(kind)
{
    private static readonly string _root = EventId("root");

    [SetUp]
    public async Task Rooms() => await Write(Room(Kitchen), Room(Garden));

    [Test]
    public async Task The_users_own_wish_replaces_that_of_a_client_and_not_the_other_way_round()
    {
        var first = await Write(Automatic(1));
        Assert.That(await FindAsync(), Is.EqualTo((SubscriptionState.Automatic, first)));
        Assert.That(await Applies(Automatic(2)), Is.False);

        var second = await Write(Manual());
        Assert.That(await FindAsync(), Is.EqualTo((SubscriptionState.Manual, second)));
        Assert.That(await Applies(Automatic(second + 1)), Is.False);
        Assert.That(await Applies(Manual()), Is.False);
        Assert.That(await FindAsync(), Is.EqualTo((SubscriptionState.Manual, second)));
    }

    [Test]
    public async Task A_client_subscribes_again_only_because_of_a_later_event()
    {
        Assert.That(await Applies(new ThreadUnsubscribed(Kitchen, _root, Alice)), Is.False);
        await Write(Manual());
        var ended = await Write(new ThreadUnsubscribed(Kitchen, _root, Alice));

        Assert.That(await Applies(Automatic(ended)), Is.False);
        Assert.That(await FindAsync(), Is.EqualTo((SubscriptionState.Unsubscribed, ended)));
        Assert.That(await Applies(Automatic(ended + 1)), Is.True);
        await Write(new ThreadUnsubscribed(Kitchen, _root, Alice));
        Assert.That(await Applies(Manual()), Is.True);
    }

    [Test]
    public async Task The_limit_counts_what_ended_and_leaves_what_is_there()
    {
        Assert.That(await Applies(Manual("a", most: 2)), Is.True);
        Assert.That(await Applies(Manual("b", most: 2)), Is.True);
        await Write(new ThreadUnsubscribed(Kitchen, EventId("b"), Alice));
        Assert.That(await Applies(Manual("c", most: 2)), Is.False);
        Assert.That(await Applies(Manual("b", most: 2)), Is.True);
        await Write(new ThreadUnsubscribed(Kitchen, EventId("b"), Alice), new EndedThreadsForgotten(Alice));
        Assert.That(await Store.ThreadSubscriptions.CountAsync(Alice, Stop), Is.EqualTo(1));
        Assert.That(await Applies(Manual("c", most: 2)), Is.True);
        Assert.That(
            (await Store.ThreadSubscriptions.OfUsersAsync([Alice, Bob], Stop)).Select(row => row.RootId),
            Is.EquivalentTo(new[] { EventId("a"), EventId("c") }));
    }

    [Test]
    public async Task Pages_go_backward_also_within_one_position()
    {
        await Write(Manual("old"));
        var middle = await Write(
            Manual("a"), Manual("b"), new ThreadSubscribed(Garden, EventId("c"), Alice, null, 100), Manual("d"));
        var last = await Write(new ThreadUnsubscribed(Kitchen, EventId("old"), Alice));

        var seen = new List<ThreadChange>();
        var place = ThreadPlace.EndOf(last);
        while (await Store.ThreadSubscriptions.ChangedAsync(Alice, 0, place, 2, Stop) is { Count: > 0 } page)
        {
            seen.AddRange(page);
            place = page[^1].Place;
        }

        Assert.That(seen.Select(change => change.Place.Position), Is.EqualTo(new[]
        {
            last, middle, middle, middle, middle,
        }));
        Assert.That(seen.Select(change => change.Place.RootId), Is.Unique);
        Assert.That(seen[0].State, Is.EqualTo(SubscriptionState.Unsubscribed));
        Assert.That(seen.Single(change => change.RoomId == RoomIdOf(Garden)).Place.RootId, Is.EqualTo(EventId("c")));
        Assert.That(
            await Store.ThreadSubscriptions.ChangedAsync(Alice, middle, ThreadPlace.EndOf(last), 10, Stop),
            Has.Count.EqualTo(1));
        Assert.That(
            await Store.ThreadSubscriptions.ChangedAsync(Bob, 0, ThreadPlace.EndOf(last), 10, Stop), Is.Empty);
    }

    [Test]
    public async Task They_end_with_the_account_and_with_a_forgotten_room()
    {
        await Write(Manual(), new ThreadSubscribed(Garden, _root, Alice, null, 100));
        await Write(new RoomForgotten(Kitchen, Alice));
        Assert.That(await Store.ThreadSubscriptions.CountAsync(Alice, Stop), Is.EqualTo(2), "not a former member");

        await Write(Sets(Kitchen, Alice, Membership.Leave, Live(Kitchen, 1)));
        await Write(new RoomForgotten(Kitchen, Alice));
        Assert.That(
            (await Store.ThreadSubscriptions.OfUsersAsync([Alice], Stop)).Single().Room, Is.EqualTo(Garden));

        await Write(new AccountDataDeleted(Alice));
        Assert.That(await Store.ThreadSubscriptions.CountAsync(Alice, Stop), Is.Zero);
    }

    private static ThreadSubscribed Manual() => new(Kitchen, _root, Alice, null, 100);

    private static ThreadSubscribed Manual(string root, int most = 100) =>
        new(Kitchen, EventId(root), Alice, null, most);

    private static ThreadSubscribed Automatic(long cause) => new(Kitchen, _root, Alice, cause, 100);

    private async Task<(SubscriptionState State, long Position)> FindAsync()
    {
        var row = (await Store.ThreadSubscriptions.FindAsync(Kitchen, _root, Alice, Stop))!;
        return (row.State, row.Position);
    }
}
