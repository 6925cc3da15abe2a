using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Pages;

/// <summary>
/// A browser's session: an unguessable cookie. Forms have a token made from it, so that no other site can send them.
/// </summary>
/// <param name="Id">The cookie's value, a secret of the browser.</param>
/// <param name="NewCookie">The `Set-Cookie` of a session that begins; null if the browser has it.</param>
internal sealed record PageSession(string Id, string? NewCookie)
{
    private const string Field = "form_token";

    /// <summary>The token, in a hidden field.</summary>
    internal Html FormField => Html.Of($"""<input type="hidden" name="{Field}" value="{FormToken}">""");

    private string FormToken => SecretFor("form");

    /// <summary>A secret of the browser for one use: it says nothing about the cookie, or about other uses.</summary>
    internal string SecretFor(string use) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{use} {Id}")));

    /// <summary>Whether a form was made for this browser.</summary>
    internal bool Accepts(FormReader form) => NewCookie is null && CryptographicOperations.FixedTimeEquals(
        Encoding.UTF8.GetBytes(form.Text(Field) ?? ""), Encoding.UTF8.GetBytes(FormToken));

    /// <summary>The response, with the cookie of a session that begins.</summary>
    internal Answer Keep(Answer answer) => NewCookie is null ? answer : answer.WithCookies(NewCookie);

    /// <summary>Leaves out the secret.</summary>
    public override string ToString() => nameof(PageSession);
}

/// <summary>Finds and begins the sessions of browsers.</summary>
internal sealed class PageSessions(PageOptions options, ShardGates gates)
{
    private const int IdBytes = 32;
    private const int Longest = 64;

    private readonly PageCookie _cookie = new("matrix-session", options.IsSecure);

    /// <summary>The response to a form that was not made for this browser.</summary>
    internal static Answer Foreign { get; } = HtmlPage.Of(
        "This form is out of date",
        Html.Of($"<p role=\"alert\">Go back, reload the page and try again. The browser must accept cookies.</p>"),
        status: 403);

    /// <summary>The session of a request; a new one if it has none.</summary>
    internal PageSession Of(Call call) =>
        _cookie.Read(call) is { Length: > 0 and <= Longest } id ? new PageSession(id, null) : Begin();

    /// <summary>
    /// A new session, in place of the browser's: after a sign-in, so that nobody who knew the old one has the new one.
    /// </summary>
    internal PageSession Begin()
    {
        var id = MintedIds.Draw(
            gates, static () => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)));
        return new PageSession(id, _cookie.Write(id));
    }
}
