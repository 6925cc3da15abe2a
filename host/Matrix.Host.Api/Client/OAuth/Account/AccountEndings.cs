using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>Ends the account. v1.19 client-server-api#account-deactivation</summary>
internal sealed class DeactivateAction(Deactivation deactivation, Reauthentication reauthentication) : IAccountAction
{
    public string Name => AccountActions.Deactivate;

    public ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop) =>
        ValueTask.FromResult(ViewOf(visit));

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        if (form.Text("sure") != "yes") return ViewOf(visit).Because("Tick the box first.", 400);
        var refusal = await reauthentication
            .RefusalAsync(visit.User, form.Text("password"), visit.Call.Address, stop);
        if (refusal is not null) return ViewOf(visit).Because(refusal);
        var ended = await deactivation
            .EndAsync(visit.User.UserId, form.Text("erase") == "yes", visit.User.NewCondition(), stop);
        return ended == DeactivationResult.Refused
            ? ViewOf(visit).Because("The account has changed. Sign in again.")
            : new AccountView("The account has ended", Html.Empty)
            {
                Done = "All its devices are signed out.",
                IsSignedOut = true,
            };
    }

    private static AccountView ViewOf(AccountVisit visit) => new("End your account", Html.Of($"""
        <p>You leave all rooms, all devices are signed out, and nobody can have this user name again. This cannot be
        undone.</p>
        <form method="post" action="{visit.Links.To(AccountActions.Deactivate)}">
        {visit.Browser.Session.FormField}
        <p><label><input type="checkbox" name="erase" value="yes">
        Hide my messages from those who join later</label></p>
        <p><label><input type="checkbox" name="sure" value="yes" required> I want to end my account</label></p>
        {AccountPieces.PasswordField(visit)}
        <button class="danger">End the account</button>
        </form>
        """));
}

/// <summary>
/// Lets a client replace the cross-signing keys. v1.19 client-server-api#oauth-authentication
/// </summary>
internal sealed class ResetAction(ConfirmedResets resets, Reauthentication reauthentication, OAuthOptions options)
    : IAccountAction
{
    public string Name => AccountActions.CrossSigningReset;

    public ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop) =>
        ValueTask.FromResult(ViewOf(visit));

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        var refusal = await reauthentication
            .RefusalAsync(visit.User, form.Text("password"), visit.Call.Address, stop);
        if (refusal is not null) return ViewOf(visit).Because(refusal);
        await resets.AllowAsync(visit.User.UserId, stop);
        return new AccountView("Go back to your application", Html.Empty)
        {
            Done = "It can replace your encryption identity once, within "
                + $"{options.ResetLifetime.TotalMinutes:0} minutes.",
        };
    }

    private static AccountView ViewOf(AccountVisit visit) => new("Reset your encryption identity", Html.Of($"""
        <p>Do this only if you started it in your application and lost your recovery key. People who verified you have
        to verify you again.</p>
        <form method="post" action="{visit.Links.To(AccountActions.CrossSigningReset)}">
        {visit.Browser.Session.FormField}
        {AccountPieces.PasswordField(visit)}
        <button>Allow the reset</button>
        </form>
        """));
}

/// <summary>Changes the password. v1.19 client-server-api#password-management</summary>
internal sealed class PasswordAction(
    PasswordChanges changes, PasswordLogin passwords, Reauthentication reauthentication) : IAccountAction
{
    public string Name => AccountActions.Password;

    public ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop) =>
        ValueTask.FromResult(ViewOf(visit));

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        if (!Reauthentication.NeedsPassword(visit.User)) return ViewOf(visit);
        var password = form.Text("new_password") ?? "";
        var problem = form.Text("new_password_again") != password ? "The two new passwords differ."
            : passwords.Judge(password);
        if (problem is not null) return ViewOf(visit).Because(problem, 400);
        var refusal = await reauthentication
            .RefusalAsync(visit.User, form.Text("password"), visit.Call.Address, stop);
        if (refusal is not null) return ViewOf(visit).Because(refusal);
        var failure = await changes.ChangeAsync(
            visit.User.UserId,
            password,
            form.Text("log_out") == "yes",
            except: null,
            new PasswordAttempt(visit.Call.Address, visit.User.UserId).Requester,
            visit.User.NewCondition(),
            stop);
        return failure is null
            ? ChangedView(visit)
            : ViewOf(visit).Because(failure.Message);
    }

    private static AccountView ChangedView(AccountVisit visit) => new(
        "The password is changed",
        Html.Of($"""
            <p><a class="button" href="{visit.Links.To(AccountActions.Profile)}">Sign in</a></p>
            """))
    {
        Done = "Sign in again with the new one.",
        IsSignedOut = true,
    };

    private AccountView ViewOf(AccountVisit visit) => new(
        "Change your password",
        Reauthentication.NeedsPassword(visit.User)
            ? Html.Of($"""
                <form method="post" action="{visit.Links.To(AccountActions.Password)}">
                {visit.Browser.Session.FormField}
                {AccountPieces.PasswordField(visit)}
                {NewAccountFields.Password("New password", "new_password", passwords)}
                <p><label><input type="checkbox" name="log_out" value="yes"> Sign all devices out</label></p>
                <button>Change the password</button>
                </form>
                """)
            : Html.Of($"<p>This account has no password.</p>"));
}
