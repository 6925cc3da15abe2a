using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>
/// The mail addresses and phone numbers of the account. Suspended users can add some, which the audit log records, and
/// cannot remove any. v1.19 client-server-api#adding-account-administrative-contact-information,
/// v1.19 client-server-api#account-suspension
/// </summary>
internal sealed class AddressesAction(
    AccountIdentifiers identifiers,
    IdentityBindings bindings,
    AddressDialog dialog,
    Reauthentication reauthentication,
    AuditLog audit) : IAccountAction
{
    private const string MediumField = "medium";

    public string Name => AccountActions.Addresses;

    public async ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop)
    {
        var rows = await identifiers.OfAsync(visit.User.UserId, stop);
        return new AccountView("Your addresses", Html.Of($"""
            {ListOf(visit, rows)}
            {Html.Join(dialog.Media.Select(medium => Html.Of($"""
                <h2>{(medium == Medium.Phone ? "Add a phone number" : "Add a mail address")}</h2>
                {FormOf(visit, medium, AddressDialog.Ask(medium))}
                """)))}
            """));
    }

    public async ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop)
    {
        if (dialog.Media.FirstOrDefault(medium => medium == form.Text(MediumField)) is { } medium)
        {
            return await AddAsync(visit, medium, form, stop);
        }

        var refusal = await RemoveAsync(visit, form.Text("remove") ?? "", form, stop);
        var view = await ShowAsync(visit, stop);
        return refusal is null ? view with { Done = "It is removed." } : view.Because(refusal);
    }

    /// <summary>Removes an address; a sentence if it is refused.</summary>
    private async ValueTask<string?> RemoveAsync(
        AccountVisit visit, string removed, FormReader form, CancellationToken stop)
    {
        if (visit.User.IsSuspended) return "You cannot do this while your account is suspended.";
        if (removed.Split(' ', 2) is not [var medium, var address] || ThirdPartyId.Read(medium, address) is not { } id)
        {
            return "There is no such address.";
        }

        if (await RefusalAsync(visit, form, stop) is { } refusal) return refusal;
        var userId = visit.User.UserId;
        if (!await identifiers.RemoveAsync(userId, id, stop, visit.User.NewCondition()))
        {
            return "The account has changed. Sign in again.";
        }

        await bindings.UnbindAsync(userId, id, server: null, stop);
        return null;
    }

    private async ValueTask<AccountView> AddAsync(
        AccountVisit visit, string medium, FormReader form, CancellationToken stop)
    {
        // Nobody waits for a mail in vain.
        if (reauthentication.NeedsSignIn(visit.User))
        {
            return (await ShowAsync(visit, stop)).Because("Sign out and in again first.");
        }

        var asked = new AddressVisit(visit.Call, visit.Browser.Session, form.Text, ValidationPurpose.Addition, medium)
        {
            UserId = visit.User.UserId,
        };
        var step = await dialog.TakeAsync(asked, stop);
        if (step.Proved is not { } proved) return ViewOf(visit, medium, step);
        var confirm = new AddressStep("Add the address", Html.Of($"""
            <p><strong>{Format(proved.Medium, proved.Address)}</strong> is confirmed.</p>
            {step.Fields}
            {AccountPieces.PasswordField(visit)}
            """), Html.Of($"""<button name="add" value="yes">Add it to your account</button>"""));
        if (form.Text("add") is null) return ViewOf(visit, medium, confirm);
        if (await RefusalAsync(visit, form, stop) is { } refusal)
        {
            return ViewOf(visit, medium, confirm.Because(refusal, 403));
        }

        var userId = visit.User.UserId;
        var failure = await identifiers.AddAsync(userId, proved, visit.User.NewCondition(), stop);
        if (failure is not null)
        {
            return (await ShowAsync(visit, stop)).Because(failure.Message);
        }

        if (visit.User.IsSuspended)
        {
            await audit.RecordAsync(new AdminActor(userId, visit.Call.Address), "user.threepid_add", userId);
        }

        return await ShowAsync(visit, stop) with { Done = "It is added." };
    }

    private ValueTask<string?> RefusalAsync(AccountVisit visit, FormReader form, CancellationToken stop) =>
        reauthentication.RefusalAsync(visit.User, form.Text("password"), visit.Call.Address, stop);

    private static Html ListOf(AccountVisit visit, IReadOnlyList<ThirdPartyIdRow> rows) => rows.Count == 0
        ? Html.Of($"<p>Your account has no mail address and no phone number.</p>")
        : Html.Of($"""
            <ul>{Html.Join(rows.Select(static row => Html.Of($"<li>{Format(row.Medium, row.Address)}</li>")))}</ul>
            <h2>Remove one</h2>
            <form method="post" action="{visit.Links.To(AccountActions.Addresses)}">
            {visit.Browser.Session.FormField}
            <label>Address or number <select name="remove">
            {Html.Join(rows.Select(static row => Html.Of(
                $"<option value=\"{row.Medium} {row.Address}\">{Format(row.Medium, row.Address)}</option>")))}
            </select></label>
            {AccountPieces.PasswordField(visit)}
            <button class="second">Remove</button>
            </form>
            """);

    private static string Format(string medium, string address) => medium == Medium.Phone ? "+" + address : address;

    private static AccountView ViewOf(AccountVisit visit, string medium, AddressStep step) =>
        new(step.Title, FormOf(visit, medium, step)) { Alert = step.Alert, Status = step.Status };

    private static Html FormOf(AccountVisit visit, string medium, AddressStep step) => Html.Of($"""
        <form method="post" action="{visit.Links.To(AccountActions.Addresses)}">
        {visit.Browser.Session.FormField}
        <input type="hidden" name="{MediumField}" value="{medium}">
        {step.Fields}
        {step.Buttons}
        </form>
        """);
}
