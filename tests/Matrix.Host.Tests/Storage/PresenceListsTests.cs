using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.PresenceLists;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class PresenceListsTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_list_is_bounded_and_ends_with_its_user()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));
        Assert.That(await Applies(new PresenceListed(Alice, Bob, 2)), Is.True);
        Assert.That(await Applies(new PresenceListed(Alice, Carol, 2)), Is.True);
        Assert.That(await Applies(new PresenceListed(Alice, Bob, 2)), Is.True);
        Assert.That(await Applies(new PresenceListed(Alice, "@dave:hs", 2)), Is.False);
        Assert.That(await Store.PresenceLists.OfUserAsync(Alice, Stop), Is.EqualTo(new[] { Bob, Carol }));

        await Write(new PresenceUnlisted(Alice, Carol));
        Assert.That(await Store.PresenceLists.OfUserAsync(Alice, Stop), Is.EqualTo(new[] { Bob }));
        await Write(new UserDeactivated(Alice, Erase: false));
        Assert.That(await Store.PresenceLists.OfUserAsync(Alice, Stop), Is.Empty);
    }

    [Test]
    public async Task Two_lists_are_mutual_if_each_has_the_other()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));
        Assert.That(await Applies(new PresenceListed(Alice, Bob, 9)), Is.True);
        Assert.That(await Store.PresenceLists.IsMutualAsync(Alice, Bob, Stop), Is.False);
        Assert.That(await Store.PresenceLists.MutualAsync(Alice, Stop), Is.Empty);

        Assert.That(await Applies(new PresenceListed(Bob, Alice, 9)), Is.True);
        Assert.That(await Store.PresenceLists.IsMutualAsync(Alice, Bob, Stop), Is.True);
        Assert.That(await Store.PresenceLists.IsMutualAsync(Bob, Alice, Stop), Is.True);
        Assert.That(await Store.PresenceLists.MutualAsync(Alice, Stop), Is.EqualTo(new[] { Bob }));
    }
}
