using System.Text.Json.Nodes;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.People;

/// <summary>Passwords of Synapse's users after an import.</summary>
internal sealed class PasswordTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    // "wurzel-ﬁ" and the pepper "salz": NFKC makes "wurzel-fi" of it.
    private const string Hash = "$2b$05$6dm/f12o7P2kMl9y5UwBW.A5Fzv55hVtRnM3S9u9iZJCgTBVZb1sa";

    [Test]
    public async Task A_user_logs_in_with_the_old_password_and_then_with_a_hash_of_ours()
    {
        await UserAsync("alice", ("password_hash", Hash));

        await StartImportedAsync(("passwords.imported_pepper", "salz"));

        (await LogsInAsync("alice", "wurzel")).Is(403, "M_FORBIDDEN");
        (await LogsInAsync("alice", "wurzel-ﬁ")).Is(200);
        (await LogsInAsync("alice", "wurzel-ﬁ")).Is(200);
        await StopServerAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        var user = await target.Accounts.FindUserAsync(Id("alice"), Stop);
        Assert.That(user!.PasswordHash, Does.StartWith("$argon2id$"));
    }

    [Test]
    public async Task A_hash_that_no_login_computes_is_named_without_it()
    {
        await UserAsync("costly", ("password_hash", "$2b$17$" + Hash["$2b$05$".Length..]));
        await UserAsync("strange", ("password_hash", "{SSHA}abc"));
        await UserAsync("gone", ("password_hash", Hash), ("deactivated", 1));

        await ImportAsync();

        var findings = await FindingsAsync();
        Assert.That(
            findings.Select(static row => row.Subject), Is.EquivalentTo(new[] { Id("costly"), Id("strange") }));
        Assert.That(findings.Select(static row => row.Reason), Has.None.Contains("SSHA"));
    }

    [Test]
    public async Task Passwords_that_Synapse_did_not_take_are_not_carried()
    {
        Settings = new SourceSettings { HasPasswords = false };
        await UserAsync("alice", ("password_hash", Hash));

        await StartImportedAsync(("passwords.imported_pepper", "salz"));

        (await LogsInAsync("alice", "wurzel-fi")).Is(403, "M_FORBIDDEN");
    }

    private Task<Reply> LogsInAsync(string localpart, string password) => Client(null).PostAsync("login", new JsonObject
    {
        ["type"] = "m.login.password",
        ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = localpart },
        ["password"] = password,
    });
}
