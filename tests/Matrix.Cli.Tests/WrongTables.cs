using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>Files with the tables of version 12 and one wrong change each.</summary>
internal static class WrongTables
{
    private const string SenderHasBanLevel = """{"compare":[{"of":"sender"},"at-least",{"level":"ban"}]}""";
    private const string TargetIsBelow = """{"compare":[{"of":"state-key"},"below",{"of":"sender"}]}""";
    private const string TypeNeedsMore = """{"compare":["required","above",{"of":"sender"}]}""";

    /// <summary>Claims that each change breaks, of which the case that is found breaks one.</summary>
    private static readonly Dictionary<string, string[]> _broken = new()
    {
        ["equals may be banned"] = ["only-the-stronger-ban"],
        ["a type needs no power"] = ["events-need-the-power-for-their-type"],
        ["a flag in the content bans"] = ["only-the-stronger-ban"],
        ["additional creators are ignored"] = ["creators-are-not-removed"],
        ["a row of the selection is dropped"] = ["the-creator-joins-first", "anyone-joins-a-public-room"],
        ["strings are levels"] =
        [
            "third-party-invitations-need-the-power-to-invite",
            "joins-of-outsiders-are-authorised-where-the-rule-is-restricted",
            "members-with-the-power-can-invite",
        ],
        ["creators have 100 at first"] = ["creators-are-not-removed", "the-power-for-a-type-suffices"],
        ["bans need the kick level"] = ["only-the-stronger-ban"],
        ["bans need the invite level"] = ["only-the-stronger-ban"],
    };

    /// <summary>Each change, and how it is made to the JSON of `mx rules show 12`.</summary>
    private static readonly Dictionary<string, Action<JsonObject>> _changes = new()
    {
        ["equals may be banned"] = static tables => Reword(tables, "member.ban.power",
            And(SenderHasBanLevel, TargetIsBelow.Replace("below", "at-most"))),
        ["a type needs no power"] = static tables => Reword(tables, "required-power",
            And(TypeNeedsMore, """{"not":{"type-is":"m.room.topic"}}""")),
        ["a flag in the content bans"] = static tables => Reword(tables, "member.ban.power",
            $$"""{"or":[{{And(SenderHasBanLevel, TargetIsBelow)}},{"content-has":["org.example.anyone"]}]}"""),
        ["additional creators are ignored"] = static tables => tables["settings"]!["creators"] = "sender",
        ["a row of the selection is dropped"] = static tables =>
        {
            var rows = tables["selection"]!.AsArray();
            rows.Remove(rows.Single(static row => (string?)row!["id"] == "join-rules"));
        },
        ["strings are levels"] = static tables =>
            tables["settings"]!["power-level-values"] = "integers-and-strings",
        ["creators have 100 at first"] = static tables => tables["settings"]!["creator-power"] = "hundred-at-first",
        ["bans need the kick level"] = static tables => Reword(tables, "member.ban.power",
            And(SenderHasBanLevel.Replace("ban", "kick"), TargetIsBelow)),
        ["bans need the invite level"] = static tables => Reword(tables, "member.ban.power",
            And(SenderHasBanLevel.Replace("ban", "invite"), TargetIsBelow)),
    };

    /// <summary>The names of the changes.</summary>
    public static IEnumerable<string> Names => _changes.Keys;

    /// <summary>Claims that a change breaks.</summary>
    public static string[] BrokenBy(string change) => _broken[change];

    /// <summary>Writes the file of a change, and returns its name.</summary>
    public static async Task<string> WriteAsync(DirectoryInfo folder, string change)
    {
        var shown = await Command.RunAsync("rules", "show", "12", "--format", "json");
        var tables = JsonNode.Parse(shown.Output)!.AsObject();
        _changes[change](tables);

        var file = Path.Combine(folder.FullName, "changed.json");
        await File.WriteAllTextAsync(file, tables.ToJsonString());
        return file;
    }

    private static string And(params string[] conditions) => $$"""{"and":[{{string.Join(',', conditions)}}]}""";

    private static void Reword(JsonObject tables, string rule, string condition) =>
        Find(tables["rules"]!.AsArray(), rule)!["when"] = JsonNode.Parse(condition);

    private static JsonObject? Find(JsonArray rules, string name) =>
        rules
            .Select(rule => (string?)rule!["id"] == name
                ? rule.AsObject()
                : rule["inside"] is JsonArray inside ? Find(inside, name) : null)
            .FirstOrDefault(static found => found is not null);
}
