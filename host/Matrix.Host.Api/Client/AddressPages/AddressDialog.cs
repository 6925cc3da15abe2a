using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Network;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Api.Client.AddressPages;

/// <summary>
/// Proves addresses on pages, in steps: the user gives the address, gets a mail or text, and confirms. The form keeps
/// the session's id, and the browser's cookie gives its secret, so that a session serves one browser. Nothing depends
/// on whether an account has the address. v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
internal sealed class AddressDialog(Validations validations, RateLimiter limiter, TimeProvider clock)
{
    /// <summary>The field of the button that was pressed.</summary>
    internal const string StepField = "step";

    private const string Send = "send";
    private const string Other = "other";
    private const string SecretUse = "addresses";

    /// <summary>The media whose addresses can be proved.</summary>
    internal IEnumerable<string> Media => new[] { Medium.Email, Medium.Phone }.Where(validations.Supports);

    /// <summary>Whether addresses of a medium can be proved.</summary>
    internal bool Supports(string medium) => validations.Supports(medium);

    /// <summary>The step that asks for the address.</summary>
    internal static AddressStep Ask(string medium, string typed = "") => medium == Medium.Phone
        ? new AddressStep("Your phone number", Html.Of($"""
            <p>We send a code to it.</p>
            <label>Phone number <input name="{AddressOf(medium)}" type="tel" required autocomplete="tel"
            value="{typed}"></label>
            <p class="note">With the country code, such as +44 7700 900123.</p>
            """), Button(medium, Send, "Continue"))
        : new AddressStep("Your mail address", Html.Of($"""
            <p>We send a mail to it, with a link that confirms it.</p>
            <label>Mail address <input name="{AddressOf(medium)}" type="email" required autocomplete="email"
            value="{typed}"></label>
            """), Button(medium, Send, "Continue"));

    /// <summary>Takes the form of a step; the next step, or the confirmed session.</summary>
    internal async ValueTask<AddressStep> TakeAsync(AddressVisit visit, CancellationToken stop)
    {
        var typed = visit.Field(AddressOf(visit.Medium)) ?? "";
        var wish = visit.Field(StepField);
        if (wish == StepOf(visit.Medium, Send)) return await SendAsync(visit, typed, stop);
        if (wish == StepOf(visit.Medium, Other)
            || visit.Field(SessionOf(visit.Medium)) is not { Length: > 0 } sessionId)
        {
            return Ask(visit.Medium);
        }

        var secret = visit.Browser.SecretFor(SecretUse);
        UserFailure? limited = null;
        if (visit.Medium == Medium.Phone && visit.Field("code") is { } code)
        {
            // The code may have been right in a form before.
            var tried = await validations.ConfirmAsync(sessionId, secret, code.Trim(), stop);
            if (!tried.IsOk && tried.Failure.Kind == UserFailureKind.SessionExpired)
            {
                return Ask(visit.Medium, typed).Because("It took too long, or there were too many tries.", 403);
            }

            if (!tried.IsOk && tried.Failure is TooManyTries) limited = tried.Failure;
        }

        var session = await validations.ValidatedAsync(visit.Purpose, sessionId, secret, stop);
        if (session.IsOk && session.Value.Medium == visit.Medium)
        {
            return new AddressStep("", Kept(visit.Medium, sessionId), Html.Empty) { Proved = session.Value };
        }

        if (limited is not null) return Wait(visit.Medium, sessionId, typed).Because(limited.Message, 429);
        return await validations.FindAsync(sessionId, stop) is null
            ? Ask(visit.Medium, typed).Because("It took too long. Start again.", 403)
            : Wait(visit.Medium, sessionId, typed).Because(
                visit.Medium == Medium.Phone
                    ? "This is not the code that was sent."
                    : "The address is not confirmed yet. Open the link in the mail, and press the button there.",
                403);
    }

    private async ValueTask<AddressStep> SendAsync(AddressVisit visit, string typed, CancellationToken stop)
    {
        var (medium, again) = (visit.Medium, Ask(visit.Medium, typed));
        var id = medium == Medium.Phone
            ? ThirdPartyId.OfPhone(typed.Trim(), country: null)
            : ThirdPartyId.OfEmail(typed.Trim());
        if (id is null)
        {
            return again.Because(
                medium == Medium.Phone ? "This is not a phone number." : "This is not a mail address.", 400);
        }

        if (visit.Purpose == ValidationPurpose.Registration
            && limiter.Take(RateClass.Registration, AddressBlock.Of(visit.Call.Address)) is { Ticks: > 0 })
        {
            return again.Because("There were too many attempts. Wait a moment and try again.", 429);
        }

        // Whoever presses the button wants a message. One a second is enough; limits bound them.
        var request = new TokenRequest(
            visit.Purpose, id.Value, visit.Browser.SecretFor(SecretUse), clock.GetUtcNow().ToUnixTimeSeconds())
        {
            Language = Languages.Choose(visit.Call.Http.Request.Headers.AcceptLanguage),
            Asker = visit.Call.Address,
            UserId = visit.UserId,
        };
        var begun = await validations.RequestAsync(request, stop);
        return begun.IsOk ? Wait(medium, begun.Value, typed)
            : again.Because(begun.Failure.Message, begun.Failure is TooManyMessages ? 429 : 400);
    }

    /// <summary>The step that waits for the confirmation.</summary>
    private static AddressStep Wait(string medium, string sessionId, string typed)
    {
        var kept = Html.Of($"""
            {Kept(medium, sessionId)}
            <input type="hidden" name="{AddressOf(medium)}" value="{typed}">
            """);
        var buttons = Html.Of($"""
            {Button(medium, "continue", "Continue")}
            <button class="second" name="{StepField}" value="{StepOf(medium, Send)}" formnovalidate>Send it
            again</button>
            <button class="second" name="{StepField}" value="{StepOf(medium, Other)}" formnovalidate>Change it</button>
            """);
        return medium == Medium.Phone
            ? new AddressStep("Enter the code", Html.Of($"""
                <p>We sent a text message to <strong>{typed}</strong>.</p>
                <label>Code <input name="code" required autocomplete="one-time-code" inputmode="numeric"></label>
                {kept}
                """), buttons)
            : new AddressStep("Look at your mail", Html.Of($"""
                <p>We sent a mail to <strong>{typed}</strong>. Open its link, press the button there, and then go on
                here.</p>
                {kept}
                """), buttons);
    }

    private static Html Button(string medium, string step, string label) =>
        Html.Of($"""<button name="{StepField}" value="{StepOf(medium, step)}">{label}</button>""");

    // A page may ask for several addresses, one after the other: each takes its own buttons only.
    private static string StepOf(string medium, string step) => $"{medium}.{step}";

    private static Html Kept(string medium, string sessionId) =>
        Html.Of($"""<input type="hidden" name="{SessionOf(medium)}" value="{sessionId}">""");

    private static string AddressOf(string medium) => medium + "_address";

    private static string SessionOf(string medium) => medium + "_session";
}
