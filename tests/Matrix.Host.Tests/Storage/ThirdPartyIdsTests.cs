using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Tests.Storage;

internal sealed class ThirdPartyIdsTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Bob = "@bob:example.org";

    private static readonly byte[] _secret = [1, 2, 3];
    private static readonly byte[] _token = [4, 5, 6];

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    private static ThirdPartyIdAdded Adds(string user, string address, int most = 5) =>
        new(new ThirdPartyIdRow("email", address, user, "en", 7), most);

    private ValidationSessionRow Session(string id, string address = "a@x", TimeSpan? lifetime = null) => new(
        id, ValidationPurpose.Addition, "email", address, _secret, 1, _token, 0, "en", null,
        Now + (long)(lifetime ?? TimeSpan.FromHours(1)).TotalMilliseconds);

    private async Task<bool> ConfirmsAsync(string id, byte[] token)
    {
        var confirmed = new ValidationConfirmed(id, token);
        await Write(confirmed);
        return confirmed.Applied;
    }

    [Test]
    public async Task An_identifier_belongs_to_one_user_who_has_few()
    {
        Assert.That(await Applies(Adds(Alice, "a@x", most: 2)));
        Assert.That(await Applies(Adds(Bob, "a@x")), Is.False);
        Assert.That(await Applies(Adds(Alice, "a@x", most: 1)), "It is the same again.");
        Time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(await Applies(Adds(Alice, "b@x", most: 2)));
        Assert.That(await Applies(Adds(Alice, "c@x", most: 2)), Is.False);
        var rows = await Store.ThirdPartyIds.OfUserAsync(Alice, Stop);
        Assert.That(rows.Select(row => row.Address), Is.EqualTo(new[] { "a@x", "b@x" }));
        Assert.That(rows[0].ValidatedAt, Is.EqualTo(7));
        Assert.That((await Store.ThirdPartyIds.FindAsync("email", "b@x", Stop))!.UserId, Is.EqualTo(Alice));
        Assert.That(await Store.ThirdPartyIds.FindAsync("msisdn", "b@x", Stop), Is.Null);

        Assert.That(await Applies(new ThirdPartyIdRemoved(Bob, "email", "a@x")), Is.False);
        Assert.That(await Applies(new ThirdPartyIdRemoved(Alice, "email", "a@x")));
        Assert.That(await Applies(Adds(Bob, "a@x")));
        await Write(new UserCreated(Alice, UserKind.User, null, false), new UserDeactivated(Alice, false));
        Assert.That(await Store.ThirdPartyIds.OfUserAsync(Alice, Stop), Is.Empty);
    }

    [Test]
    public async Task Bindings_are_few_and_end_one_by_one()
    {
        var binding = new ThirdPartyBinding(Alice, "email", "a@x", "id.example");
        Assert.That(await Applies(new ThirdPartyIdBound(binding, 1)));
        Assert.That(await Applies(new ThirdPartyIdBound(binding, 1)), "It is the same again.");
        Assert.That(await Applies(new ThirdPartyIdBound(binding with { IdServer = "other.example" }, 1)), Is.False);
        Assert.That(await Store.ThirdPartyIds.BindingsAsync(Alice, Stop), Is.EqualTo(new[] { binding }));
        await Write(new ThirdPartyIdUnbound(binding));
        Assert.That(await Store.ThirdPartyIds.BindingsAsync(Alice, Stop), Is.Empty);
    }

    [Test]
    public async Task A_session_is_confirmed_by_its_token_in_its_time_and_used_once()
    {
        Assert.That(await Applies(new ValidationBegun(Session("s"), 10)));
        Assert.That(await Applies(new ValidationBegun(Session("t"), 10)), Is.False, "The client has one.");
        Assert.That(await ConfirmsAsync("s", [9]), Is.False);
        Assert.That(await Applies(new ValidationUsed("s")), Is.False, "It is not confirmed.");
        Assert.That(await ConfirmsAsync("s", _token));
        Assert.That(await Applies(new ValidationResent("s", 2, new byte[] { 1 }, null, Now + 1000)), Is.False);
        var found = await Store.ValidationSessions.FindAsync(ValidationPurpose.Addition, "email", "a@x", _secret, Stop);
        Assert.That((found!.SessionId, found.ValidatedAt), Is.EqualTo(("s", (long?)Now)));
        Assert.That(await Applies(new ValidationUsed("s")));
        Assert.That(await Applies(new ValidationUsed("s")), Is.False);

        Assert.That(await Applies(new ValidationBegun(Session("u"), 10)));
        Time.Advance(TimeSpan.FromHours(2));
        Assert.That(await ConfirmsAsync("u", _token), Is.False, "It has ended.");
        Assert.That(await Applies(new ValidationTried("u", 10)), Is.False);
        Assert.That(await Applies(new ValidationBegun(Session("v"), 10)), "The one that ended makes place.");
        await Write(new ValidationsPurged(long.MaxValue));
        Assert.That(await Store.ValidationSessions.FindAsync("v", Stop), Is.Null);
    }

    [Test]
    public async Task Tries_and_sessions_are_bounded_and_a_new_token_replaces_the_one_before()
    {
        await Applies(new ValidationBegun(Session("s"), 2));
        Assert.That(await Applies(new ValidationResent("s", 1, new byte[] { 7 }, null, Now + 1000)), Is.False);
        Assert.That(await Applies(new ValidationResent("s", 2, new byte[] { 7 }, "https://x/", Now + 1000)));
        Assert.That((await Store.ValidationSessions.FindAsync("s", Stop))!.NextLink, Is.EqualTo("https://x/"));
        Assert.That(await ConfirmsAsync("s", _token), Is.False);
        Assert.That(await Applies(new ValidationTried("s", 2)));
        Assert.That(await Applies(new ValidationTried("s", 2)));
        Assert.That(await Applies(new ValidationTried("s", 2)), Is.False);

        await Applies(new ValidationBegun(Session("t", "b@x"), 2));
        await Applies(new ValidationBegun(Session("u", "c@x"), 2));
        Assert.That(await Store.ValidationSessions.FindAsync("s", Stop), Is.Null, "It would have ended first.");
        Assert.That(await Store.ValidationSessions.FindAsync("u", Stop), Is.Not.Null);
    }

    [Test]
    public async Task A_session_proves_the_owner_of_its_address_only_while_the_account_has_it()
    {
        foreach (var user in new[] { Alice, Bob }) await Write(new UserCreated(user, UserKind.User, null, false));
        await Applies(Adds(Alice, "a@x"));
        await Applies(new ValidationBegun(Session("s"), 10));
        Assert.That(await Applies(new OwnerValidated("s", Alice)), Is.False, "It is not confirmed.");
        await ConfirmsAsync("s", _token);
        Assert.That(await Applies(new OwnerValidated("s", Bob)), Is.False);
        await Applies(new ThirdPartyIdRemoved(Alice, "email", "a@x"));
        Assert.That(await Applies(new OwnerValidated("s", Alice)), Is.False);
        await Applies(Adds(Alice, "a@x"));
        Assert.That(await Applies(new OwnerValidated("s", Alice)));
        Assert.That(await Applies(new OwnerValidated("s", Alice)), Is.False, "It is used up.");
    }
}
