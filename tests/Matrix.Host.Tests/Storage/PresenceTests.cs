using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Presence;

namespace Matrix.Host.Tests.Storage;

/// <summary>The messages of users' presence.</summary>
internal sealed class PresenceTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_message_is_kept_until_it_is_replaced_or_removed()
    {
        await Write(
            new PresenceStatusChanged("@a:hs", "one"),
            new PresenceStatusChanged("@b:hs", "two"),
            new PresenceStatusChanged("@a:hs", "drei ✎"));
        var found = await Store.Presence.StatusesAsync(["@a:hs", "@b:hs", "@c:hs"], Stop);
        var expected = new Dictionary<string, string> { ["@a:hs"] = "drei ✎", ["@b:hs"] = "two" };
        Assert.That(found, Is.EquivalentTo(expected));

        await Write(new PresenceStatusChanged("@a:hs", null), new PresenceStatusChanged("@c:hs", null));
        Assert.That(await Store.Presence.StatusesAsync(["@a:hs"], Stop), Is.Empty);
    }

    [Test]
    public async Task The_message_of_a_deactivated_user_is_deleted()
    {
        await Write(new UserCreated("@a:hs", UserKind.User, "hash", false), new PresenceStatusChanged("@a:hs", "one"));
        await Write(new UserDeactivated("@a:hs", Erase: false));
        Assert.That(await Store.Presence.StatusesAsync(["@a:hs"], Stop), Is.Empty);
    }
}
