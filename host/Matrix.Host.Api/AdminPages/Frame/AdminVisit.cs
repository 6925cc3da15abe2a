using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>A request of a signed-in administrator.</summary>
/// <param name="Call">The request.</param>
/// <param name="Session">The browser's session.</param>
/// <param name="User">The administrator.</param>
internal sealed record AdminVisit(Call Call, PageSession Session, AdminSignIn User)
{
    /// <summary>Who acts, for the audit log.</summary>
    internal AdminActor Actor => new(User.UserId, Call.Address);

    /// <summary>A parameter of the query; empty if it is absent.</summary>
    internal string Query(string name) => Call.Query.Text(name) ?? "";
}

/// <summary>A page.</summary>
/// <param name="Section">The section of the navigation that it belongs to: one of <see cref="Sections"/>.</param>
/// <param name="Title">The heading.</param>
/// <param name="Body">What follows it.</param>
internal sealed record AdminView(string Section, string Title, Html Body)
{
    /// <summary>The page above this one, as label and link; null for none.</summary>
    internal (string Label, string Link)? Above { get; init; }

    /// <summary>What follows the heading in its line, such as marks.</summary>
    internal Html Marks { get; init; }

    /// <summary>What did not work; empty for nothing.</summary>
    internal string Alert { get; init; } = "";

    /// <summary>What was done; empty for nothing.</summary>
    internal string Done { get; init; } = "";

    /// <summary>The HTTP status.</summary>
    internal int Status { get; init; } = 200;

    /// <summary>More of the document's head.</summary>
    internal Html Head { get; init; }

    /// <summary>The script, of the source; empty for none.</summary>
    internal string Script { get; init; } = "";

    /// <summary>The page for something that does not exist.</summary>
    internal static AdminView Nothing(string section, string why) =>
        new(section, "Not found", Html.Empty) { Alert = why, Status = 404 };
}

/// <summary>The result of an action.</summary>
internal abstract record AdminActionResult
{
    private AdminActionResult()
    {
    }

    /// <summary>The browser goes on to a page, which says what was done, or why it was not.</summary>
    internal sealed record GoesTo(string Page, ActionMessage Message) : AdminActionResult;

    /// <summary>The response is a page.</summary>
    internal sealed record Shows(AdminView View) : AdminActionResult;

    /// <summary>It was done.</summary>
    internal static AdminActionResult Done(string page, string text) =>
        new GoesTo(page, new ActionMessage(text, IsAlert: false));

    /// <summary>It was done, or failed.</summary>
    /// <param name="failure">Why it failed, as a sentence; null if it was done.</param>
    internal static AdminActionResult Of(string page, string? failure, string done) =>
        new GoesTo(page, new ActionMessage(failure ?? done, failure is not null));
}
