using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// A stage of user-interactive authentication. v1.19 client-server-api#authentication-types. A stage that is not
/// configured is not registered, and no flow has it.
/// </summary>
internal interface IAuthStage
{
    /// <summary>The type, such as `m.login.password`.</summary>
    string Type { get; }

    /// <summary>Whether the configuration has the stage. Otherwise the server behaves as if it did not exist.</summary>
    bool IsConfigured => true;

    /// <summary>
    /// The place of the stage in each flow of registration, before the dummy or token that ends it, on the API and on
    /// the page of OAuth; null if registration does not demand it.
    /// </summary>
    int? RegistrationPlace => null;

    /// <summary>
    /// Whether a user can prove by the stage who they are, in place of the password; null for stages that prove nothing
    /// about a user.
    /// </summary>
    Func<string, CancellationToken, ValueTask<bool>>? Proves => null;

    /// <summary>Whether clients need parameters for the stage.</summary>
    bool HasParams => false;

    /// <summary>
    /// Whether the user completes the stage elsewhere, so that a client names the session alone.
    /// v1.19 client-server-api#oauth-authentication
    /// </summary>
    bool IsCompletedElsewhere => false;

    /// <summary>
    /// Attempts the stage. A malformed member of the given object is recorded in its reader; the result does not count
    /// then.
    /// </summary>
    ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop);

    /// <summary>
    /// How the page is made that completes the stage of a session in a browser; null if there is no such page.
    /// v1.19 client-server-api#fallback
    /// </summary>
    StagePageMaker? PageOf(AuthSession session) => null;

    /// <summary>Writes the members of the stage's parameters.</summary>
    void WriteParams(Utf8JsonWriter json)
    {
    }
}

/// <summary>Makes the page of a stage for a request.</summary>
internal delegate ValueTask<StagePage> StagePageMaker(Call call, CancellationToken stop);

/// <summary>An attempt of a stage.</summary>
/// <param name="Session">The session.</param>
/// <param name="Demand">The authentication that the endpoint demands.</param>
/// <param name="Given">What the client sent: the `auth` of a request, or the values of a page.</param>
/// <param name="Call">The request.</param>
internal sealed record StageAttempt(AuthSession Session, AuthDemand Demand, BodyReader Given, Call Call)
{
    /// <summary>The browser whose form it is; null if a client sent it.</summary>
    internal PageSession? Browser { get; init; }
}

/// <summary>The part of a page by which a browser completes a stage.</summary>
/// <param name="Title">The heading of a page that has nothing else.</param>
/// <param name="Fields">The fields of its form, without a button.</param>
internal sealed record StagePage(string Title, Html Fields)
{
    /// <summary>The buttons of a page that has nothing else.</summary>
    internal Html Buttons { get; init; } = Html.Of($"<button>Continue</button>");

    /// <summary>A part of another site; null for none.</summary>
    internal PageEmbed? Embed { get; init; }

    /// <summary>Origins to which its form may lead.</summary>
    internal IReadOnlyList<string> Targets { get; init; } = [];
}

/// <summary>What a completed stage proved.</summary>
internal sealed record StageProof
{
    /// <summary>The proof of a stage that shows nothing about a user.</summary>
    internal static StageProof Nothing { get; } = new();

    /// <summary>The user who authenticated; null if the stage does not say.</summary>
    internal string? UserId { get; init; }

    /// <summary>
    /// Makes the condition that must hold when the request is written, such as an unchanged password; null for none.
    /// </summary>
    internal Func<ConditionalChange>? Condition { get; init; }

    /// <summary>The policies that the user accepted.</summary>
    internal IReadOnlyList<AcceptedPolicy> Accepted { get; init; } = [];

    /// <summary>The valid registration token, which only the registration itself uses up.</summary>
    internal string? RegistrationToken { get; init; }

    /// <summary>The session that proves an address of nobody, which only the registration itself uses up.</summary>
    internal ValidationSessionRow? Validation { get; init; }
}

/// <summary>The result of an attempt.</summary>
/// <param name="Proof">What the stage proved; null if it failed.</param>
/// <param name="Message">Why it failed, for the user.</param>
/// <param name="Refusal">The response in place of another request for authentication; null for that.</param>
internal readonly record struct StageResult(StageProof? Proof, string Message, Answer? Refusal)
{
    /// <summary>The reader of the given object has the mistake.</summary>
    internal static StageResult Malformed { get; } = new(null, "", null);

    /// <summary>The page of the next step, if a browser completes the stage in several; null for the first.</summary>
    internal StagePage? Page { get; init; }

    /// <summary>The HTTP status of that page.</summary>
    internal int Status { get; init; } = 200;

    /// <summary>The stage is complete.</summary>
    internal static StageResult Completed(StageProof proof) => new(proof, "", null);

    /// <summary>The client may try again.</summary>
    internal static StageResult Wrong(string message) => new(null, message, null);

    /// <summary>The browser gets the page of the next step.</summary>
    internal static StageResult Continues(StagePage page, string message, int status) =>
        new(null, message, null) { Page = page, Status = status };

    /// <summary>The request gets this response.</summary>
    internal static StageResult Refused(Answer answer) => new(null, "", answer);
}
