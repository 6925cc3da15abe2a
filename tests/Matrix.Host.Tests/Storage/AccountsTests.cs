using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.ToDevice;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class AccountsTests(string kind) : StorageTests(kind)
{
    private const string Phone = "PHONE";

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    [Test]
    public async Task A_user_id_is_given_once_even_after_its_user_is_gone()
    {
        Assert.That(await Store.Accounts.AnyUserAsync(Stop), Is.False);
        Assert.That(await Applies(new UserCreated(Alice, UserKind.User, "hash", true)), Is.True);
        Assert.That(await Applies(new UserCreated(Alice, UserKind.Guest, "other", false)), Is.False);
        Assert.That(
            await Store.Accounts.FindUserAsync(Alice, Stop),
            Is.EqualTo(new UserRow(Alice, UserKind.User, "hash", true, Now, null, false)));
        Assert.That(await Store.Accounts.AnyUserAsync(Stop), Is.True);

        Assert.That(await Applies(new UserDeactivated(Alice, true)), Is.True);
        Assert.That(await Applies(new UserDeactivated(Alice, true)), Is.False);
        Assert.That(await Applies(new PasswordChanged(Alice, "back")), Is.False);
        Assert.That(await Applies(new UserCreated(Alice, UserKind.User, "hash", false)), Is.False);
        Assert.That(
            await Store.Accounts.FindUserAsync(Alice, Stop),
            Is.EqualTo(new UserRow(Alice, UserKind.User, null, true, Now, Now, true)));
    }

    [Test]
    public async Task Passwords_and_rights_change_for_users_that_there_are()
    {
        await Write(new UserCreated(Alice, UserKind.User, "old", false));

        Assert.That(await Applies(new PasswordChanged(Alice, "new")), Is.True);
        Assert.That(await Applies(new PasswordChanged(Bob, "new")), Is.False);
        Assert.That(await Applies(new AdminChanged(Alice, true)), Is.True);
        Assert.That(await Applies(new AdminChanged(Bob, true)), Is.False);

        var row = (await Store.Accounts.FindUserAsync(Alice, Stop))!;
        Assert.That((row.PasswordHash, row.IsAdmin), Is.EqualTo(("new", true)));
    }

    [Test]
    public async Task Passwords_that_Synapse_hashed_are_counted_by_cost_until_they_are_replaced()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, "$synapse$2b$12$one", false),
            new UserCreated(Bob, UserKind.User, "$synapse$2a$12$two", false),
            new UserCreated(Carol, UserKind.User, "$synapse$2b$31$three", false),
            new UserCreated("@dave:example.org", UserKind.User, "$argon2id$v=19$", false),
            new UserCreated("@erin:example.org", UserKind.User, null, false));

        Assert.That(
            await Store.Accounts.ImportedPasswordsAsync(Stop),
            Is.EqualTo(new[] { new ImportedPasswordsRow("12", 2), new ImportedPasswordsRow("31", 1) }));

        await Write(new PasswordChanged(Alice, "$argon2id$"), new UserDeactivated(Carol, false));

        Assert.That(
            await Store.Accounts.ImportedPasswordsAsync(Stop),
            Is.EqualTo(new[] { new ImportedPasswordsRow("12", 1) }));
    }

    [Test]
    public async Task Accounts_are_locked_and_suspended_and_administrators_may_be_spared()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, null, true),
            new UserCreated(Bob, UserKind.User, null, false),
            new UserCreated(Carol, UserKind.User, null, false),
            new UserDeactivated(Carol, false));

        Assert.That(await Applies(new AccountLockChanged(Alice, true, SparesAdmins: true)), Is.False);
        Assert.That(await Applies(new AccountSuspensionChanged(Alice, true, SparesAdmins: true)), Is.False);
        Assert.That(await Applies(new AccountSuspensionChanged(Alice, true, SparesAdmins: false)), Is.True);
        Assert.That(await Applies(new AccountLockChanged(Bob, true, SparesAdmins: true)), Is.True);
        Assert.That(await Applies(new AccountLockChanged(Carol, true, SparesAdmins: false)), Is.False);
        Assert.That(
            await Applies(new AccountSuspensionChanged("@dave:example.org", true, SparesAdmins: false)), Is.False);

        Assert.That(await StatesAsync(), Is.EqualTo(new[] { (Alice, false, true), (Bob, true, false) }));
        await Write(new AccountLockChanged(Bob, false, true), new AccountSuspensionChanged(Alice, false, false));
        Assert.That(await StatesAsync(), Is.EqualTo(new[] { (Alice, false, false), (Bob, false, false) }));

        async Task<IEnumerable<(string, bool, bool)>> StatesAsync() =>
            (await Store.Accounts.ListUsersAsync("", 2, Stop))
                .Select(row => (row.UserId, row.IsLocked, row.IsSuspended));
    }

    [Test]
    public async Task A_token_has_the_state_of_its_owner()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, null, false),
            new DeviceAdded(Alice, Phone, null),
            new TokensIssued(Alice, Phone, new byte[] { 1 }, null, null, null),
            new AccountLockChanged(Alice, true, true),
            new AccountSuspensionChanged(Alice, true, true));

        var token = (await Store.Accounts.FindTokenAsync(new byte[] { 1 }, Stop))!;

        Assert.That((token.IsLocked, token.IsSuspended), Is.EqualTo((true, true)));
    }

    [Test]
    public async Task Users_are_listed_a_page_at_a_time()
    {
        await Write([.. new[] { Carol, Alice, Bob }.Select(user => new UserCreated(user, UserKind.User, null, false))]);

        var first = await Store.Accounts.ListUsersAsync("", 2, Stop);
        var second = await Store.Accounts.ListUsersAsync(first[^1].UserId, 2, Stop);

        Assert.That(first.Concat(second).Select(row => row.UserId), Is.EqualTo(new[] { Alice, Bob, Carol }));
    }

    [Test]
    public async Task Erased_users_are_listed_and_others_who_are_gone_are_not()
    {
        await Write([.. new[] { Carol, Alice, Bob }.Select(user => new UserCreated(user, UserKind.User, null, false))]);
        await Write(
            new UserDeactivated(Carol, true),
            new UserDeactivated(Bob, false),
            new UserDeactivated(Alice, true));

        var first = await Store.Accounts.ListErasedAsync("", 1, Stop);
        var second = await Store.Accounts.ListErasedAsync(first[^1].UserId, 2, Stop);

        Assert.That(
            first.Concat(second).Select(row => (row.UserId, row.DeactivatedAt)),
            Is.EqualTo(new[] { (Alice, (long?)Now), (Carol, Now) }));
    }

    [Test]
    public async Task A_device_keeps_its_name_when_it_logs_in_again()
    {
        await Write(new DeviceAdded(Alice, Phone, "Phone"), new DeviceAdded(Alice, "TABLET", null));
        await Write(new DeviceAdded(Alice, Phone, "Other"), new DeviceSeen(Alice, Phone, 77, "127.0.0.1", "a client"));

        Assert.That(await Store.Accounts.DevicesAsync(Alice, Stop), Is.EqualTo(new[]
        {
            new DeviceRow(Alice, Phone, "Phone", Now, 77, "127.0.0.1", "a client"),
            new DeviceRow(Alice, "TABLET", null, Now, null, null),
        }));
        Assert.That(await Applies(new DeviceRenamed(Alice, Phone, null)), Is.True);
        Assert.That(await Applies(new DeviceRenamed(Bob, Phone, "x")), Is.False);
        Assert.That((await Store.Accounts.FindDeviceAsync(Alice, Phone, Stop))!.DisplayName, Is.Null);
        Assert.That(await Store.Accounts.FindDeviceAsync(Bob, Phone, Stop), Is.Null);
    }

    [Test]
    public async Task A_deleted_device_takes_along_all_that_was_its_own()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));
        foreach (var device in new[] { Phone, "TABLET" })
        {
            await Write(
                new DeviceAdded(Alice, device, null),
                new TokensIssued(Alice, device, Json("access " + device), null, Json("refresh " + device), null),
                new DeviceKeysUploaded(Alice, device, Json("{}")),
                new OneTimeKeyUploaded(Alice, device, "curve", "1", Json("{}")),
                new FallbackKeyUploaded(Alice, device, "curve", "2", Json("{}")),
                new KeySignatureUploaded(Alice, device, Alice, "ed25519:x", "sig"),
                new ToDeviceSent(Alice, device, Json("{}")));
        }

        Assert.That(await Applies(new DeviceDeleted(Alice, Phone)), Is.True);
        Assert.That(await Applies(new DeviceDeleted(Alice, Phone)), Is.False);

        Assert.Multiple(async () =>
        {
            Assert.That(await Store.Accounts.FindTokenAsync(Json("access PHONE"), Stop), Is.Null);
            Assert.That(await Store.Accounts.FindTokenAsync(Json("refresh PHONE"), Stop), Is.Null);
            Assert.That(await Store.Accounts.FindTokenAsync(Json("access TABLET"), Stop), Is.Not.Null);
            Assert.That(
                (await Store.Keys.DeviceKeysAsync([Alice], Stop)).Select(row => row.DeviceId),
                Is.EqualTo(new[] { "TABLET" }));
            Assert.That((await Store.Keys.CountsAsync(Alice, Phone, Stop)).OneTime, Is.Empty);
            Assert.That((await Store.Keys.CountsAsync(Alice, Phone, Stop)).UnusedFallback, Is.Empty);
            Assert.That((await Store.Keys.CountsAsync(Alice, "TABLET", Stop)).OneTime, Has.Count.EqualTo(1));
            Assert.That(
                (await Store.Keys.SignaturesAsync([Alice], Alice, Stop)).Select(row => row.TargetKey),
                Is.EqualTo(new[] { "TABLET" }));
            Assert.That(await Store.ToDevice.OfDeviceAsync(Alice, Phone, 0, long.MaxValue, 9, Stop), Is.Empty);
            Assert.That(
                await Store.ToDevice.OfDeviceAsync(Alice, "TABLET", 0, long.MaxValue, 9, Stop),
                Has.Count.EqualTo(1));
        });
    }

    [Test]
    public async Task All_devices_but_one_are_deleted_as_they_are_when_it_is_written()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, null, false),
            new LoginTokenIssued(Json("login"), Alice, Now + 10));
        foreach (var (user, device) in new[] { (Alice, Phone), (Alice, "TABLET"), (Alice, "LATE"), (Bob, "TABLET") })
        {
            await Write(
                new DeviceAdded(user, device, null),
                new TokensIssued(user, device, Json($"{user} {device}"), null, null, null),
                new DeviceKeysUploaded(user, device, Json("{}")),
                new OneTimeKeyUploaded(user, device, "curve", "1", Json("{}")),
                new FallbackKeyUploaded(user, device, "curve", "2", Json("{}")),
                new KeySignatureUploaded(user, device, user, "ed25519:x", "sig"),
                new ToDeviceSent(user, device, Json("{}")));
        }

        await Write(
            new KeySignatureUploaded(Alice, "master", Alice, "ed25519:x", "sig"),
            new OtherDevicesDeleted(Alice, "TABLET"));

        Assert.That(
            (await Store.Accounts.DevicesAsync(Alice, Stop)).Select(row => row.DeviceId),
            Is.EqualTo(new[] { "TABLET" }));
        Assert.That(
            (await Store.Keys.DeviceKeysAsync([Alice], Stop)).Select(row => row.DeviceId),
            Is.EqualTo(new[] { "TABLET" }));
        Assert.That(
            (await Store.Keys.SignaturesAsync([Alice], Alice, Stop)).Select(row => row.TargetKey),
            Is.EquivalentTo(new[] { "TABLET", "master" }));
        foreach (var (device, stays) in new[] { (Phone, false), ("LATE", false), ("TABLET", true) })
        {
            Assert.That(await Token($"{Alice} {device}") is not null, Is.EqualTo(stays));
            Assert.That((await Store.Keys.CountsAsync(Alice, device, Stop)).OneTime.Count, Is.EqualTo(stays ? 1 : 0));
            Assert.That(
                (await Store.Keys.CountsAsync(Alice, device, Stop)).UnusedFallback.Count,
                Is.EqualTo(stays ? 1 : 0));
            Assert.That(
                await Store.ToDevice.OfDeviceAsync(Alice, device, 0, long.MaxValue, 9, Stop),
                Has.Count.EqualTo(stays ? 1 : 0));
        }

        Assert.That(await Store.Accounts.FindLoginTokenAsync(Json("login"), Now, Stop), Is.Null);
        Assert.That(await Store.Accounts.DevicesAsync(Bob, Stop), Has.Count.EqualTo(1));
        await Write(new OtherDevicesDeleted(Alice, null));
        Assert.That(await Store.Accounts.DevicesAsync(Alice, Stop), Is.Empty);
    }

    [Test]
    public async Task What_requires_a_password_is_not_written_once_it_has_changed()
    {
        await Write(new UserCreated(Alice, UserKind.User, "old", false));
        WriteBatch Login(string hash) =>
            Batches.New().Require(new PasswordIs(Alice, hash)).Add(new DeviceAdded(Alice, Phone, null));

        await Write(new PasswordChanged(Alice, "new"));

        Assert.That((await Store.Writer.WriteAsync(Login("old"), Stop)).Refused, Is.True);
        Assert.That(await Store.Accounts.DevicesAsync(Alice, Stop), Is.Empty);
        Assert.That((await Store.Writer.WriteAsync(Login("new"), Stop)).Refused, Is.False);
        Assert.That(await Applies(new UserIsActive(Alice)), Is.True);
        await Write(new UserDeactivated(Alice, false));
        Assert.That((await Store.Writer.WriteAsync(Login("new"), Stop)).Refused, Is.True);
        Assert.That(await Applies(new UserIsActive(Alice)), Is.False);
        Assert.That(await Applies(new UserIsActive(Bob)), Is.False);
    }

    [Test]
    public async Task The_first_users_registration_token_is_good_for_the_first_user_only()
    {
        await Write(
            new RegistrationTokenIssued("first", 1, null, true),
            new RegistrationTokenIssued("other", null, null, false));
        WriteBatch Registration(string user) =>
            Batches.New().Require(new RegistrationTokenRedeemed("first"))
                .Require(new UserCreated(user, UserKind.User, null, true));
        Assert.That(
            (await Store.Accounts.RegistrationTokensAsync(Stop)).Select(row => row.Token),
            Is.EqualTo(new[] { "first", "other" }));

        await Write(new UserCreated(Bob, UserKind.User, null, false));

        Assert.That((await Store.Writer.WriteAsync(Registration(Alice), Stop)).Refused, Is.True);
        Assert.That(await Store.Accounts.FindUserAsync(Alice, Stop), Is.Null);
        Assert.That(await Store.Accounts.FindRegistrationTokenAsync("first", Stop), Is.Null);
        Assert.That(
            (await Store.Accounts.RegistrationTokensAsync(Stop)).Select(row => row.Token),
            Is.EqualTo(new[] { "other" }));
        Assert.That(await Applies(new RegistrationTokenRedeemed("other")), Is.True);
    }

    [Test]
    public async Task A_deactivated_user_departs_until_it_is_said_that_they_have()
    {
        await Write([.. new[] { Alice, Bob, Carol }.Select(user => new UserCreated(user, UserKind.User, null, false))]);
        Assert.That(await Applies(new UserDeactivated("@nobody:example.org", false)), Is.False);
        await Write(new UserDeactivated(Carol, false), new UserDeactivated(Alice, true));

        var first = await Store.Accounts.ListDeparturesAsync("", 1, Stop);
        var second = await Store.Accounts.ListDeparturesAsync(first[^1], 9, Stop);
        await Write(new DepartureEnded(Alice));

        Assert.That(first.Concat(second), Is.EqualTo(new[] { Alice, Carol }));
        Assert.That(await Store.Accounts.ListDeparturesAsync("", 9, Stop), Is.EqualTo(new[] { Carol }));
    }

    [Test]
    public async Task A_token_authenticates_its_owner_and_a_new_login_ends_the_old_ones()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, true), new DeviceAdded(Alice, Phone, null));
        var session = await Write(new TokensIssued(Alice, Phone, Json("a1"), 500, Json("r1"), null));

        Assert.That(
            await Token("a1"),
            Is.EqualTo(
                new TokenRow(TokenKind.Access, Alice, Phone, 500, 1, true, UserKind.User, true, false)
                {
                    Session = session,
                    ByService = false,
                }));
        Assert.That((await Token("r1"))!.Kind, Is.EqualTo(TokenKind.Refresh));

        await Write(new TokensIssued(Alice, Phone, Json("a2"), null, null, null));
        Assert.That(await Token("a1"), Is.Null);
        Assert.That(await Token("r1"), Is.Null);
        Assert.That((await Token("a2"))!.ExpiresAt, Is.Null);

        await Write(new UserDeactivated(Alice, false));
        Assert.That((await Token("a2"))!.IsDeactivated);
    }

    [Test]
    public async Task The_old_pair_lives_until_the_new_one_is_used()
    {
        await LoggedIn();
        var rotation = Rotation("r1", "a2", "r2");
        Assert.That(await Applies(rotation), Is.True);

        Assert.That(rotation.UserId, Is.EqualTo(Alice));
        Assert.That(await Token("a1"), Is.Not.Null);
        Assert.That(await Token("r1"), Is.Not.Null);
        var fresh = (await Token("a2"))!;
        Assert.That((fresh.Generation, fresh.Confirmed), Is.EqualTo((2, false)));

        await Write(new TokensConfirmed(Alice, Json("a2")));
        Assert.That(await Token("a1"), Is.Null);
        Assert.That(await Token("r1"), Is.Null);
        Assert.That((await Token("a2"))!.Confirmed);
        Assert.That((await Token("r2"))!.Confirmed);
        Assert.That(await Applies(Rotation("r1", "a3", "r3")), Is.False);
    }

    [Test]
    public async Task The_use_of_a_token_that_has_ended_confirms_and_ends_nothing()
    {
        await LoggedIn();
        await Write(Rotation("r1", "a2", "r2"));
        await Write(new TokensIssued(Alice, Phone, Json("a"), null, Json("r"), null));
        await Write(Rotation("r", "next", "next r"));

        await Write(new TokensConfirmed(Alice, Json("a2")));

        Assert.That((await Token("a"))!.Generation, Is.EqualTo(1));
        Assert.That((await Token("next"))!.Confirmed, Is.False, "It has the generation of the token that ended.");
        Assert.That(await Applies(Rotation("r", "another", "another r")), Is.True);
    }

    [Test]
    public async Task A_refresh_does_not_move_the_end_of_a_session()
    {
        await LoggedIn();
        await Write(new TokenImported(
            Alice, "TABLET", Json("r"), TokenKind.Refresh, null, 1, true, SessionEndsAt: Now + 1000));

        var late = Rotation("r", "a2", "r2") with { AccessExpiresAt = Now + 2000 };
        Assert.That(await Applies(late), Is.True);
        Assert.That(late.AccessEndsAt, Is.EqualTo(Now + 1000));
        Assert.That((await Token("a2"))!.ExpiresAt, Is.EqualTo(Now + 1000));
        Assert.That((await Token("r2"))!.ExpiresAt, Is.EqualTo(Now + 1000));

        var early = Rotation("r2", "a3", "r3") with { AccessExpiresAt = Now + 500 };
        Assert.That(await Applies(early), Is.True);
        Assert.That(early.AccessEndsAt, Is.EqualTo(Now + 500));

        Time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await Applies(Rotation("r3", "a4", "r4")), Is.False);
        Assert.That(await Token("r3"), Is.Not.Null, "A refused refresh ends nothing.");
    }

    [Test]
    public async Task Tokens_without_a_device_end_one_by_one()
    {
        await LoggedIn();
        await Write(
            new TokenImported(Alice, "", Json("[1,0,0,0]"), TokenKind.Access, null, 1, true),
            new TokenImported(Alice, "", Json("[2,0,0,0]"), TokenKind.Access, null, 1, true));
        var (one, other) = ((await Token("[1,0,0,0]"))!, (await Token("[2,0,0,0]"))!);
        Assert.That(one.Session, Is.Not.EqualTo(other.Session).And.GreaterThanOrEqualTo(0));

        await Write(new SessionEnded(Alice, one.Session));

        Assert.That(await Token("[1,0,0,0]"), Is.Null);
        Assert.That(await Store.Accounts.HasSessionAsync(Alice, "", one.Session, Now, Stop), Is.False);
        Assert.That(await Store.Accounts.HasSessionAsync(Alice, "", other.Session, Now, Stop), Is.True);
        Assert.That(await Token("a1"), Is.Not.Null);
    }

    [Test]
    public async Task The_use_of_a_token_ends_no_tokens_of_other_devices()
    {
        await LoggedIn();
        await Write(
            new DeviceAdded(Alice, "TABLET", null),
            new TokensIssued(Alice, "TABLET", Json("tablet"), null, null, null),
            new UserCreated(Bob, UserKind.User, null, false),
            new DeviceAdded(Bob, Phone, null),
            new TokensIssued(Bob, Phone, Json("bob"), null, null, null));
        await Write(Rotation("r1", "a2", "r2"));

        await Write(new TokensConfirmed(Alice, Json("a2")));

        Assert.That(await Token("a1"), Is.Null);
        Assert.That(await Token("tablet"), Is.Not.Null);
        Assert.That(await Token("bob"), Is.Not.Null);
    }

    [Test]
    public async Task Login_tokens_end_with_the_password_of_their_user()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, "old", false),
            new LoginTokenIssued(Json("hers"), Alice, Now + 10),
            new LoginTokenIssued(Json("his"), Bob, Now + 10));

        await Write(new PasswordChanged(Alice, "new"));

        Assert.That(await Applies(new LoginTokenRedeemed(Json("hers"))), Is.False);
        Assert.That(await Applies(new LoginTokenRedeemed(Json("his"))), Is.True);
    }

    [Test]
    public async Task Refreshing_again_before_the_new_pair_is_used_replaces_it()
    {
        await LoggedIn();
        await Write(Rotation("r1", "a2", "r2"));
        Assert.That(await Applies(Rotation("r1", "a3", "r3")), Is.True);

        Assert.That(await Token("a2"), Is.Null);
        Assert.That(await Token("r2"), Is.Null);
        Assert.That(await Token("a1"), Is.Not.Null);
        Assert.That(await Token("a3"), Is.Not.Null);
    }

    [Test]
    public async Task Refreshing_with_the_new_refresh_token_uses_it()
    {
        await LoggedIn();
        await Write(Rotation("r1", "a2", "r2"));
        Assert.That(await Applies(Rotation("r2", "a3", "r3")), Is.True);

        Assert.That(await Token("a1"), Is.Null);
        Assert.That(await Token("r1"), Is.Null);
        Assert.That((await Token("a2"))!.Confirmed);
        Assert.That((await Token("a3"))!.Confirmed, Is.False);
    }

    [Test]
    public async Task Only_a_living_refresh_token_refreshes()
    {
        await LoggedIn(refreshExpiresAt: Now + 10);

        Assert.That(await Applies(Rotation("a1", "a2", "r2")), Is.False, "an access token");
        Assert.That(await Applies(Rotation("nothing", "a2", "r2")), Is.False, "an unknown token");
        Time.Advance(TimeSpan.FromMilliseconds(11));
        Assert.That(await Applies(Rotation("r1", "a2", "r2")), Is.False, "an expired token");
        Assert.That(await Token("a1"), Is.Not.Null);
        Assert.That(await Token("a2"), Is.Null);
    }

    [Test]
    public async Task Long_expired_tokens_are_forgotten()
    {
        await LoggedIn();
        await Write(
            new TokensIssued(Alice, Phone, Json("a1"), 100, Json("r1"), null),
            new LoginTokenIssued(Json("login"), Alice, 100));

        await Write(new ExpiredTokensPurged(100));
        Assert.That(await Token("a1"), Is.Not.Null);
        await Write(new ExpiredTokensPurged(101));
        Assert.That(await Token("a1"), Is.Null);
        Assert.That(await Token("r1"), Is.Not.Null);
    }

    [Test]
    public async Task A_registration_token_is_used_as_often_and_as_long_as_it_says()
    {
        await Write(
            new RegistrationTokenIssued("twice", 2, null, true),
            new RegistrationTokenIssued("soon", null, Now + 10, false),
            new RegistrationTokenIssued("ever", null, null, false));

        Assert.That(await Applies(new RegistrationTokenRedeemed("twice")), Is.True);
        Assert.That(await Applies(new RegistrationTokenRedeemed("twice")), Is.True);
        Assert.That(await Applies(new RegistrationTokenRedeemed("twice")), Is.False);
        Assert.That(await Applies(new RegistrationTokenRedeemed("soon")), Is.True);
        Assert.That(await Applies(new RegistrationTokenRedeemed("none")), Is.False);
        Time.Advance(TimeSpan.FromMilliseconds(11));
        Assert.That(await Applies(new RegistrationTokenRedeemed("soon")), Is.False);
        Assert.That(await Applies(new RegistrationTokenRedeemed("ever")), Is.True);

        var twice = (await Store.Accounts.FindRegistrationTokenAsync("twice", Stop))!;
        Assert.That(twice, Is.EqualTo(new RegistrationTokenRow("twice", 2, 2, null, true)));
        Assert.That(twice.IsValidAt(Now), Is.False);
        await Write(new RegistrationTokenIssued("twice", 3, null, false));
        Assert.That(await Applies(new RegistrationTokenRedeemed("twice")), Is.True);
        Assert.That(await Applies(new RegistrationTokenDeleted("twice")), Is.True);
        Assert.That(await Applies(new RegistrationTokenDeleted("twice")), Is.False);
        Assert.That(
            (await Store.Accounts.RegistrationTokensAsync(Stop)).Select(row => row.Token),
            Is.EqualTo(new[] { "ever", "soon" }));
    }

    [Test]
    public async Task A_login_token_is_used_once_and_in_time()
    {
        await Write(
            new LoginTokenIssued(Json("one"), Alice, Now + 10),
            new LoginTokenIssued(Json("two"), Bob, Now + 10));
        var first = new LoginTokenRedeemed(Json("one"));

        Assert.That(await Store.Accounts.FindLoginTokenAsync(Json("one"), Now, Stop), Is.EqualTo(Alice));
        Assert.That(await Store.Accounts.FindLoginTokenAsync(Json("one"), Now + 10, Stop), Is.Null, "an expired token");
        Assert.That(await Applies(first), Is.True);
        Assert.That(first.UserId, Is.EqualTo(Alice));
        Assert.That(await Applies(new LoginTokenRedeemed(Json("one"))), Is.False);
        Time.Advance(TimeSpan.FromMilliseconds(11));
        Assert.That(await Applies(new LoginTokenRedeemed(Json("two"))), Is.False);
    }

    private static TokensRotated Rotation(string old, string access, string refresh) =>
        new(Json(old), Json(access), null, Json(refresh), null);

    private async Task<TokenRow?> Token(string token) => await Store.Accounts.FindTokenAsync(Json(token), Stop);

    private async Task LoggedIn(long? refreshExpiresAt = null) => await Write(
        new UserCreated(Alice, UserKind.User, null, false),
        new DeviceAdded(Alice, Phone, null),
        new TokensIssued(Alice, Phone, Json("a1"), null, Json("r1"), refreshExpiresAt));
}
