using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Push rules: the users' own in their order, and the server's as users changed them. Here they are account data, with
/// the position of the user's last change. Users who changed nothing have none.
/// </summary>
internal sealed class PushRulesPart : IImportPart
{
    private const string Kind = "push rules";

    // A rule that the specification no longer has, or an experiment of Synapse's.
    private const string NotHere = "changes of server rules that this server does not have";

    /// <inheritdoc/>
    public string Name => "push-rules";

    /// <inheritdoc/>
    public string Title => Kind;

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables { get; } = ["push_rules", "push_rules_enable", "push_rules_stream"];

    /// <inheritdoc/>
    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => context.Source.NumberAsync(
        "SELECT (SELECT COUNT(*) FROM push_rules) + (SELECT COUNT(*) FROM push_rules_enable)", stop);

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var users = context.Source.RowsAsync(
            """
            SELECT r.user_name, u.name FROM (
                SELECT user_name FROM push_rules WHERE user_name > $1
                UNION SELECT user_name FROM push_rules_enable WHERE user_name > $1) r
            LEFT JOIN users u ON u.name = r.user_name ORDER BY r.user_name
            """,
            stop,
            progress.Reached ?? "");
        await foreach (var user in users)
        {
            var (userId, hasAccount) = (user.Text(0), !user.IsNull(1));
            if (hasAccount) await CarryAsync(userId, context.Source, progress, stop);
            else
            {
                progress.Read(Kind);
                progress.LeaveOut(Kind, userId, "Synapse has no such user.");
            }

            await progress.SaveAsync(userId, stop);
        }
    }

    private static async Task CarryAsync(
        string userId, SynapseSource source, PartProgress progress, CancellationToken stop)
    {
        var rules = await RulesAsync(userId, source, stop);
        var ruleset = Ruleset.Parse(userId, ContentOf(rules));
        foreach (var rule in rules)
        {
            var isHere = PushRuleKinds.TryParse(rule.Kind, out var kind) && ruleset.Find(kind, rule.Id) is not null;
            if (rule.IsServers && !isHere)
            {
                progress.Read(NotHere);
                continue;
            }

            progress.Read(Kind);
            if (isHere) progress.Written(Kind);
            else progress.LeaveOut(Kind, $"{userId} {rule.Kind}/{rule.Id}", "It is none by the specification.");
        }

        var position = await source.NumberAsync(
            "SELECT MAX(stream_id) FROM push_rules_stream WHERE user_id = $1", stop, userId);
        var content = CanonicalJson.Bytes(Json.Of(ruleset.ToContent()));
        progress.Add(new AccountDataPut(userId, null, EventTypes.PushRules, content), Math.Max(1, position));
    }

    private static async Task<List<StoredPushRule>> RulesAsync(
        string userId, SynapseSource source, CancellationToken stop)
    {
        var enabled = (await source.ListAsync(
            "SELECT rule_id, enabled FROM push_rules_enable WHERE user_name = $1",
            static row => (RuleId: row.Text(0), IsEnabled: row.Bool(1)),
            stop,
            userId)).ToDictionary(static rule => rule.RuleId, static rule => rule.IsEnabled);
        var rules = await source.ListAsync(
            """
            SELECT rule_id, conditions, actions FROM push_rules WHERE user_name = $1
            ORDER BY priority_class DESC, priority DESC, id
            """,
            row => StoredPushRule.Of(
                row.Text(0), row.Bytes(1), row.Bytes(2),
                enabled.Remove(row.Text(0), out var isEnabled) ? isEnabled : null),
            stop,
            userId);

        // Of the rest only whether they are enabled was changed. One of the user's own has been deleted since.
        rules.AddRange(enabled
            .Select(static rule => StoredPushRule.Of(rule.Key, conditions: [], actions: [], rule.Value))
            .Where(static rule => rule.IsServers));
        return rules;
    }

    private static JsonObject ContentOf(List<StoredPushRule> rules) => JsonObject.OfSeq(
    [
        ("global", Json.Of(JsonObject.OfSeq(rules
            .GroupBy(static rule => rule.Kind)
            .Select(static kind => (kind.Key, Json.Of(kind.Select(static rule => rule.ToJson()).ToArray())))))),
    ]);
}
