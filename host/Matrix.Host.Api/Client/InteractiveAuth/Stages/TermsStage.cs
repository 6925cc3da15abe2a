using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Policies;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>Policies that new users accept. v1.19 client-server-api#terms-of-service-at-registration</summary>
internal sealed class TermsStage(ClientOptions options) : IAuthStage
{
    private const string FieldPrefix = "policy ";

    private readonly AcceptedPolicy[] _current =
        [.. options.Policies.Select(static policy => new AcceptedPolicy(policy.Id, policy.Version))];

    public string Type => AuthStage.Terms;

    public bool IsConfigured => _current.Length > 0;

    public int? RegistrationPlace => 20;

    public bool HasParams => true;

    /// <summary>The policies by whose acceptance a stage is complete.</summary>
    internal IReadOnlyList<AcceptedPolicy> Current => _current;

    public ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop) =>
        new(attempt.Browser is null || HasAll(attempt.Given.TextOrNull)
            ? StageResult.Completed(new StageProof { Accepted = _current })
            : StageResult.Wrong("Tick the boxes of all policies first."));

    public StagePageMaker PageOf(AuthSession session) => (call, _) =>
        new(new StagePage("Accept the policies", FieldsFor(call)));

    /// <summary>Whether a form has the boxes of all policies ticked.</summary>
    internal bool HasAll(Func<string, string?> field) =>
        Array.TrueForAll(_current, policy => field(FieldPrefix + policy.Policy) == policy.Version);

    /// <summary>A box for each policy, in the language of the browser.</summary>
    internal Html FieldsFor(Call call)
    {
        var wanted = LanguagesOf(call.Http.Request.Headers.AcceptLanguage.ToString());
        return Html.Join(options.Policies.Select(policy =>
        {
            var (language, text) = policy.For(wanted);
            return Html.Of($"""
                <p><label><input type="checkbox" name="{FieldPrefix}{policy.Id}" value="{policy.Version}" required>
                I accept: <a href="{text.Url}" lang="{language}" target="_blank" rel="noopener noreferrer">
                {text.Name}</a></label></p>
                """);
        }));
    }

    public void WriteParams(Utf8JsonWriter json)
    {
        json.WriteStartObject("policies");
        foreach (var policy in options.Policies)
        {
            json.WriteStartObject(policy.Id);
            json.WriteString("version", policy.Version);
            foreach (var (language, text) in policy.Languages)
            {
                json.WriteStartObject(language);
                json.WriteString("name", text.Name);
                json.WriteString("url", text.Url);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>The languages of a browser, the best first. Those with the same weight stay in their order.</summary>
    private static string[] LanguagesOf(string header) =>
    [
        .. header.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Take(20)
            .Select(static part => part.Split(';', StringSplitOptions.TrimEntries))
            .OrderByDescending(static part => part.Length > 1 && part[1].StartsWith("q=", StringComparison.Ordinal)
                && double.TryParse(part[1].AsSpan(2), System.Globalization.CultureInfo.InvariantCulture, out var weight)
                    ? weight
                    : 1)
            .Select(static part => part[0]),
    ];
}
