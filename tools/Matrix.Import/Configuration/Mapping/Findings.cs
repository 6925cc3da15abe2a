using Matrix.Import.Configuration.Table;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Collects findings, each once.</summary>
internal sealed class Findings
{
    private readonly List<Finding> _found = [];
    private readonly HashSet<(FindingKind, string)> _named = [];

    /// <summary>All findings, what the operator must decide first.</summary>
    internal IReadOnlyList<Finding> Found =>
    [
        .. _found.Where(finding => finding.Kind != FindingKind.Carried
            || !_named.Contains((FindingKind.Refused, finding.Setting))).OrderBy(static finding => finding.Kind),
    ];

    internal void Refuse(string setting, string sentence) => Add(FindingKind.Refused, setting, sentence);

    internal void List(string setting, string sentence) => Add(FindingKind.Listed, setting, sentence);

    /// <summary>Notes a setting by its row.</summary>
    internal void Add(SettingRow row)
    {
        switch (row.Handling)
        {
            case SettingHandling.Carried:
                var targets = string.Join(", ", row.Targets);
                Add(FindingKind.Carried, row.Name, targets.Length > 0 ? targets : row.Sentence);
                break;
            case SettingHandling.Costless:
                Add(FindingKind.Costless, row.Name, row.Sentence);
                break;
            case SettingHandling.Listed:
                List(row.Name, row.Sentence);
                break;
            case SettingHandling.Refused:
                Refuse(row.Name, row.Sentence);
                break;
        }
    }

    internal void Add(FindingKind kind, string setting, string sentence)
    {
        if (_named.Add((kind, setting))) _found.Add(new Finding(kind, setting, sentence));
    }
}
