using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Import.People;

/// <summary>A push rule as Synapse stores it.</summary>
/// <param name="Kind">The name of its kind, such as `override`.</param>
/// <param name="Id">Its id within the kind.</param>
/// <param name="Conditions">The conditions; null if they are no JSON.</param>
/// <param name="Actions">The actions; null if they were not changed, or are no JSON.</param>
/// <param name="IsEnabled">Whether it was enabled or disabled; null if neither.</param>
internal sealed record StoredPushRule(string Kind, string Id, Json[]? Conditions, Json[]? Actions, bool? IsEnabled)
{
    private const string Scope = "global/";

    /// <summary>Whether the server defines it.</summary>
    public bool IsServers => Id.StartsWith('.');

    /// <summary>Reads a rule. Its stored id begins with the scope and the kind.</summary>
    public static StoredPushRule Of(string ruleId, byte[] conditions, byte[] actions, bool? isEnabled)
    {
        var inScope = ruleId.StartsWith(Scope, StringComparison.Ordinal) ? ruleId[Scope.Length..] : ruleId;
        var slash = inScope.IndexOf('/', StringComparison.Ordinal);
        return new StoredPushRule(
            slash < 0 ? "" : inScope[..slash], inScope[(slash + 1)..], Array(conditions), Array(actions), isEnabled);

        static Json[]? Array(byte[] text) => JsonText.TryParseArray(text, out var items) ? items : null;
    }

    /// <summary>The rule in the form of the API, in which the pattern of a content rule is no condition.</summary>
    public Json ToJson()
    {
        var rule = JsonObject.Empty.With("rule_id", Json.Of(Id));
        if (IsEnabled is { } isEnabled) rule = rule.With("enabled", Json.Of(isEnabled));
        if (Actions is not null) rule = rule.With("actions", Json.Of(Actions));
        if (Conditions is null) return Json.Of(rule);
        return Kind == "content" && Pattern(Conditions) is { } pattern
            ? Json.Of(rule.With("pattern", Json.Of(pattern)))
            : Json.Of(rule.With("conditions", Json.Of(Conditions)));
    }

    private static string? Pattern(Json[] conditions) => conditions
        .OfType<Json.Object>()
        .Select(static condition => condition.Item.Text("pattern"))
        .FirstOrDefault(static pattern => pattern is not null);
}
