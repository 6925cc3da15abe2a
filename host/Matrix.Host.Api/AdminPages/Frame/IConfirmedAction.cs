using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>
/// An action that cannot be undone. Its page says what will happen, and asks for the password unless it was given a
/// short time ago. What it is done to is in the query, of the page and of its form.
/// </summary>
internal interface IConfirmedAction
{
    /// <summary>What the page asks; null if there is nothing that the action could be done to.</summary>
    ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop);

    /// <summary>Does it.</summary>
    ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop);
}

/// <summary>What is asked before an action.</summary>
/// <param name="Section">The section of the navigation.</param>
/// <param name="Title">The heading.</param>
/// <param name="Body">What will happen, and the fields of the form.</param>
/// <param name="Button">The text of the button.</param>
/// <param name="Back">The page to which the link leads that cancels it.</param>
internal sealed record Confirmation(string Section, string Title, Html Body, string Button, string Back);
