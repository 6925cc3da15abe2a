using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Api.Client.AddressPages;

/// <summary>A form by which a browser proves an address.</summary>
/// <param name="Call">The request.</param>
/// <param name="Browser">The browser, whose form it is.</param>
/// <param name="Field">The value of a field of the form; null if it is absent.</param>
/// <param name="Purpose">What the address is proved for.</param>
/// <param name="Medium">The medium of the address.</param>
internal sealed record AddressVisit(
    Call Call, PageSession Browser, Func<string, string?> Field, ValidationPurpose Purpose, string Medium)
{
    /// <summary>The user who is signed in; null for nobody.</summary>
    internal string? UserId { get; init; }
}

/// <summary>The next step of a proof, as a part of a form.</summary>
/// <param name="Title">The heading of a page that has nothing else.</param>
/// <param name="Fields">The fields, without buttons.</param>
/// <param name="Buttons">The buttons.</param>
internal sealed record AddressStep(string Title, Html Fields, Html Buttons)
{
    /// <summary>Why it did not work; empty for nothing.</summary>
    internal string Alert { get; init; } = "";

    /// <summary>The HTTP status.</summary>
    internal int Status { get; init; } = 200;

    /// <summary>The confirmed session; null while there is none. The fields keep it for the next form.</summary>
    internal ValidationSessionRow? Proved { get; init; }

    /// <summary>The same, with the reason why it did not work.</summary>
    internal AddressStep Because(string alert, int status) => this with { Alert = alert, Status = status };
}
