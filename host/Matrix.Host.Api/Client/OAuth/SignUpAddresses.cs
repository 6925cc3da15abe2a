using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>The addresses of a registration on the page.</summary>
/// <param name="Proved">The confirmed ones.</param>
/// <param name="Next">The step by which the next one is proved; null if there is none left.</param>
/// <param name="Kept">The fields that keep the confirmed ones for the next form.</param>
internal sealed record SignUpProofs(IReadOnlyList<ValidationSessionRow> Proved, AddressStep? Next, Html Kept)
{
    /// <summary>No addresses.</summary>
    internal static SignUpProofs None { get; } = new([], null, Html.Empty);
}

/// <summary>
/// The addresses that are proved on the page of registration before the rest is asked for: those that the server
/// requires, and those that the user wants to give.
/// </summary>
internal sealed class SignUpAddresses(
    AddressDialog dialog, AddressFlows flows, AccountIdentifiers identifiers, OAuthPaths paths)
{
    private const string Wanted = "with";

    /// <summary>The first step of a page that is opened; null if it needs no address.</summary>
    internal AddressStep? FirstOf(Call call, RegistrationWays ways) =>
        MediaOf(call, ways.ByToken).Select(static medium => AddressDialog.Ask(medium)).FirstOrDefault();

    /// <summary>Takes a form.</summary>
    /// <param name="byToken">Whether a registration token permits the registration.</param>
    internal async ValueTask<SignUpProofs> TakeAsync(
        Call call, FormReader form, PageSession browser, bool byToken, CancellationToken stop)
    {
        var proved = new List<ValidationSessionRow>();
        var kept = new List<Html>();
        foreach (var medium in MediaOf(call, byToken))
        {
            // A button is of the step that was shown: the first that is not proved yet.
            var visit = new AddressVisit(call, browser, form.Text, ValidationPurpose.Registration, medium);
            var step = await dialog.TakeAsync(visit, stop);
            if (step.Proved is { } session && !await CanAddAsync(session, stop))
            {
                step = AddressDialog.Ask(medium).Because("Another account has the address.", 403);
            }

            if (step.Proved is null) return new SignUpProofs(proved, step, Html.Join(kept));
            proved.Add(step.Proved);
            kept.Add(step.Fields);
        }

        return new SignUpProofs(proved, null, Html.Join(kept));
    }

    /// <summary>Links to the same page with an address that the user may give.</summary>
    internal Html LinksOf(Call call, RegistrationWays ways, string next)
    {
        var media = MediaOf(call, ways.ByToken);
        return Html.Join(dialog.Media.Where(medium => !media.Contains(medium)).Select(medium => Html.Of($"""
            <p><a href="{paths.PathOf(OAuthPaths.SignUpPage, next)}&{Wanted}={medium}">
            {(medium == Medium.Phone ? "Register with a phone number" : "Register with a mail address")}</a></p>
            """)));
    }

    private ValueTask<bool> CanAddAsync(ValidationSessionRow session, CancellationToken stop) =>
        identifiers.CanAddAsync(session, stop);

    private string[] MediaOf(Call call, bool byToken)
    {
        var (email, phone) = flows.Required(byToken);
        var wanted = call.Query.Text(Wanted);
        return
        [
            .. new[] { (Medium.Phone, phone), (Medium.Email, email) }
                .Where(each => each.Item2 || (each.Item1 == wanted && dialog.Supports(each.Item1)))
                .Select(static each => each.Item1),
        ];
    }
}
