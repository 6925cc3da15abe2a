using System.Text;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.MediaLists;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.UserListing;

namespace Matrix.Host.Tests.Storage;

/// <summary>Lists of users and media for administrators.</summary>
internal sealed class AdminListTests(string kind) : StorageTests(kind)
{
    [SetUp]
    public async Task AddUsers()
    {
        await Write(
            new UserCreated("@ann:x", UserKind.User, null, IsAdmin: true),
            new UserCreated("@bea:x", UserKind.User, null, IsAdmin: false),
            new UserCreated("@7:x", UserKind.Guest, null, IsAdmin: false),
            new UserCreated("@gone:x", UserKind.User, null, IsAdmin: false));
        await Write(
            new ProfileFieldChanged("@bea:x", "displayname", Encoding.UTF8.GetBytes("\"Zoé O'Hara\"")),
            new UserDeactivated("@gone:x", Erase: true));
    }

    [Test]
    public async Task Users_are_filtered()
    {
        Assert.That(await NamesAsync(new UserQuery()), Is.EqualTo(new[] { "@7:x", "@ann:x", "@bea:x", "@gone:x" }));
        Assert.That(await NamesAsync(new UserQuery { IsGuest = false, IsDeactivated = false }),
            Is.EqualTo(new[] { "@ann:x", "@bea:x" }));
        Assert.That(await NamesAsync(new UserQuery { IsAdmin = true }), Is.EqualTo(new[] { "@ann:x" }));
        Assert.That(await NamesAsync(new UserQuery { IsDeactivated = true }), Is.EqualTo(new[] { "@gone:x" }));
        Assert.That(await NamesAsync(new UserQuery { Name = "O'HARA" }), Is.EqualTo(new[] { "@bea:x" }));
        Assert.That(await NamesAsync(new UserQuery { Name = "AN" }), Is.EqualTo(new[] { "@ann:x" }));
        Assert.That(await NamesAsync(new UserQuery { Name = ":x" }), Is.Empty);
        Assert.That(await NamesAsync(new UserQuery { UserId = "N:X" }), Is.EqualTo(new[] { "@ann:x" }));
    }

    [Test]
    public async Task Every_order_lists_each_user_once_and_its_reverse_ends_with_the_first(
        [Values] UserOrder order)
    {
        var forth = await NamesAsync(new UserQuery { Order = order });
        var back = await NamesAsync(new UserQuery { Order = order, IsReversed = true });
        Assert.That(forth, Is.EquivalentTo(back).And.Length.EqualTo(4));
        if (order == UserOrder.DisplayName) Assert.That((forth[^1], back[0]), Is.EqualTo(("@bea:x", "@bea:x")));
        if (order == UserOrder.Admin) Assert.That((forth[^1], back[0]), Is.EqualTo(("@ann:x", "@ann:x")));
    }

    [Test]
    public async Task Pages_of_users_skip_those_before()
    {
        var page = await Store.UserList.ListAsync(new UserQuery(), 1, 2, Stop);
        Assert.That(page.Select(user => user.UserId), Is.EqualTo(new[] { "@ann:x", "@bea:x" }));
        Assert.That(await Store.UserList.CountAsync(new UserQuery(), Stop), Is.EqualTo(4));
    }

    [Test]
    public async Task Media_is_listed_by_user_and_counted()
    {
        await Write(Media("a", "@bea:x", 10, "1"), Media("b", "@bea:x", 30, "2"), Media("c", "@ann:x", 20, "3"));
        foreach (var order in Enum.GetValues<MediaOrder>())
        {
            var forth = await Store.MediaLists.OfUserAsync("@bea:x", order, isReversed: false, 0, 9, Stop);
            Assert.That(forth.Select(row => row.MediaId), Is.EqualTo(new[] { "a", "b" }), $"{order}");
        }

        var back = await Store.MediaLists.OfUserAsync("@bea:x", MediaOrder.Size, isReversed: true, 0, 1, Stop);
        Assert.That(back.Single().MediaId, Is.EqualTo("b"));
        var large = await Store.MediaLists.UnusedAsync("x", 100, 15, "", 9, Stop);
        Assert.That(large.Select(row => row.MediaId), Is.EqualTo(new[] { "b", "c" }));
        Assert.That(await Store.MediaLists.UnusedAsync("x", 5, 0, "", 9, Stop), Is.Empty);

        foreach (var order in Enum.GetValues<StatisticsOrder>())
        {
            var query = new MediaStatistics(0, long.MaxValue, null, order, IsReversed: true);
            var users = await Store.MediaLists.StatisticsAsync(query, 0, 9, Stop);
            Assert.That(
                users.Select(row => (row.UserId, row.Count, row.Bytes)),
                Is.EqualTo(new[] { ("@bea:x", 2L, 40L), ("@ann:x", 1L, 20L) }), $"{order}");
            Assert.That(await Store.MediaLists.StatisticsCountAsync(query, Stop), Is.EqualTo(2));
        }

        var named = new MediaStatistics(0, long.MaxValue, "zoé", StatisticsOrder.UserId, IsReversed: false);
        Assert.That(await Store.MediaLists.StatisticsCountAsync(named, Stop), Is.EqualTo(1));
    }

    private static MediaCreated Media(string id, string uploader, long size, string hash) => new(new MediaRow(
        "x", id, hash.PadLeft(64, '0'), size, "text/plain", null, uploader, 10, 10, null, IsQuarantined: false));

    private async Task<string[]> NamesAsync(UserQuery query) =>
        [.. (await Store.UserList.ListAsync(query, 0, 99, Stop)).Select(user => user.UserId)];
}
