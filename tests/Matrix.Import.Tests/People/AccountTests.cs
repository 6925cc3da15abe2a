using System.Text.Json.Nodes;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.People;

/// <summary>Accounts after an import.</summary>
internal sealed class AccountTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    [Test]
    public async Task Accounts_are_what_they_were()
    {
        await UserAsync("alice", ("admin", 1));
        await UserAsync("locked", ("locked", true));
        await UserAsync("suspended", ("suspended", true));
        await UserAsync("gone", ("deactivated", 1));
        await UserAsync("erased", ("deactivated", 1));
        await Source.InsertAsync("erased_users", ("user_id", Id("erased")));
        await Source.InsertAsync("users", ("name", Id("Historical=Name")));

        await StartWithOperatorAsync();

        var alice = await SeenByOperatorAsync("alice");
        Assert.That((bool)alice["admin"]!, Is.True);
        Assert.That((long)alice["creation_ts"]!, Is.AnyOf(Year2023, Year2023 / 1000));
        Assert.That((bool)(await SeenByOperatorAsync("locked"))["locked"]!, Is.True);
        Assert.That((bool)(await SeenByOperatorAsync("suspended"))["suspended"]!, Is.True);
        Assert.That((bool)(await SeenByOperatorAsync("gone"))["deactivated"]!, Is.True);
        Assert.That((bool)(await SeenByOperatorAsync("gone"))["erased"]!, Is.False);
        Assert.That((bool)(await SeenByOperatorAsync("erased"))["erased"]!, Is.True);
        Assert.That((bool)(await SeenByOperatorAsync("Historical=Name"))["admin"]!, Is.False);
    }

    [Test]
    public async Task Users_log_in_with_the_passwords_that_they_had()
    {
        // `wonderland` with the pepper of the server below, by Python's bcrypt.
        const string hash = "$2b$04$4H0x10aJJzuCl17EnCRG6ONoBTG56VSTgawJoioaDm6NpsayDoiPS";
        await UserAsync("alice", ("password_hash", hash));
        await UserAsync("gone", ("password_hash", hash), ("deactivated", 1));
        await UserAsync("empty", ("password_hash", ""));
        await UserAsync("broken", ("password_hash", "$1$abcdefgh$K0SBz1PAELHDMk1rT6YEc1"));
        await UserAsync("costly", ("password_hash", hash.Replace("$04$", "$31$", StringComparison.Ordinal)));

        await StartImportedAsync(("passwords.imported_pepper", "péppér \u0001!"));

        for (var i = 0; i < 2; i++) (await LogsInAsync("alice", "wonderland")).Is(200);
        foreach (var user in new[] { "gone", "empty", "broken", "costly" })
        {
            (await LogsInAsync(user, "wonderland")).Is(403, "M_FORBIDDEN");
        }

        await StopServerAsync();
        Assert.That(await LeftOutAsync("passwords"), Is.EquivalentTo(new[] { Id("broken"), Id("costly") }));
        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(
            (await target.Accounts.FindUserAsync(Id("alice"), Stop))!.PasswordHash, Does.StartWith("$argon2id$"));
    }

    [Test]
    public async Task Passwords_that_did_not_count_do_not_count_here()
    {
        Settings = new SourceSettings { HasPasswords = false };
        await UserAsync(
            "alice", ("password_hash", "$2b$04$F7Zlh/eypsCOq.qaqjzWoeW5rytDUMVksjpClg4mNjDx5bi77WOji"));

        await StartImportedAsync();

        (await LogsInAsync("alice", "wonderland")).Is(403, "M_FORBIDDEN");
    }

    private Task<Reply> LogsInAsync(string localpart, string password) => Client(null).PostAsync(
        "login",
        new JsonObject { ["type"] = "m.login.password", ["user"] = Id(localpart), ["password"] = password });

    [Test]
    public async Task A_departure_under_way_goes_on_and_others_have_ended()
    {
        await UserAsync("gone", ("deactivated", 1));
        await UserAsync("leaving", ("deactivated", 1));
        await Source.InsertAsync("users_pending_deactivation", ("user_id", Id("leaving")));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Accounts.ListDeparturesAsync("", 10, Stop), Is.EqualTo(new[] { Id("leaving") }));
    }

    [Test]
    public async Task What_this_server_does_not_have_is_named()
    {
        Settings = new SourceSettings { NeedsApproval = true };
        await UserAsync("ghost", ("shadow_banned", true));
        await UserAsync("helper", ("user_type", "support"));
        await UserAsync("waiting", ("approved", false));
        await UserAsync("approved", ("approved", true));
        await UserAsync("agreed", ("consent_version", "2.0"), ("consent_server_notice_sent", "2.0"));
        await UserAsync("asked", ("consent_server_notice_sent", "2.0"));
        await Source.InsertAsync("users", ("name", "@alice:elsewhere.example"), ("creation_ts", 1));
        await Source.InsertAsync(
            "account_validity", ("user_id", Id("helper")), ("expiration_ts_ms", Year2023));

        await StartWithOperatorAsync();
        Assert.That((bool)(await SeenByOperatorAsync("waiting"))["locked"]!, Is.True);
        Assert.That((bool)(await SeenByOperatorAsync("approved"))["locked"]!, Is.False);
        await StopServerAsync();

        var rows = await FindingsAsync();
        Assert.That(
            rows.Single(static row => row.Subject == Id("agreed")).Reason, Does.StartWith("Version 2.0 was accepted."));
        var findings = rows.Select(static row => $"{row.Kind}: {row.Subject}");
        Assert.That(findings, Is.EquivalentTo(new[]
        {
            $"shadow bans: {Id("ghost")}", $"user types: {Id("helper")}", $"approvals: {Id("waiting")}",
            $"consents to a policy: {Id("agreed")}", $"consents to a policy: {Id("asked")}",
            "accounts: @alice:elsewhere.example", $"accounts that expire: {Id("helper")}, 2023-11-14",
        }));
    }

    [Test]
    public async Task Guests_stay_until_they_are_cleared_away_as_unused()
    {
        await UserAsync("123", ("is_guest", 1));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Guests.UnusedAsync(Year2023 + 1, 10, Stop), Is.EqualTo(new[] { Id("123") }));
        Assert.That(await target.Guests.UnusedAsync(Year2023, 10, Stop), Is.Empty);
    }

    [Test]
    public async Task Devices_keep_their_names_and_when_they_were_seen_and_keys_are_no_devices()
    {
        await UserAsync("alice");
        await DeviceAsync(
            "alice", "PHONE", ("display_name", "Phone"), ("last_seen", Year2023 + 5), ("ip", "192.0.2.1"),
            ("user_agent", "Element"));
        await DeviceAsync("alice", "TABLET");
        await Source.InsertAsync(
            "user_ips", ("user_id", Id("alice")), ("access_token", "t"), ("device_id", "TABLET"), ("ip", "192.0.2.2"),
            ("user_agent", "Fluffy"), ("last_seen", Year2023 + 7));
        await DeviceAsync("alice", "ba64key", ("hidden", true));
        await DeviceAsync("nobody", "PHONE");

        await ImportAsync();

        Assert.That(await LeftOutAsync("devices"), Is.EqualTo(new[] { $"{Id("nobody")} PHONE" }));
        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Accounts.DevicesAsync(Id("alice"), Stop), Is.EqualTo(new[]
        {
            new DeviceRow(
                Id("alice"), "PHONE", "Phone", Year2023 + 5, Year2023 + 5, "192.0.2.1", "Element"),
            new DeviceRow(Id("alice"), "TABLET", null, Year2023, Year2023 + 7, "192.0.2.2", "Fluffy"),
        }));
    }
}
