using Matrix.Import.Configuration.Reading;
using Matrix.Import.Configuration.Table;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Looks each setting of a configuration up in the table, so that none is passed over.</summary>
internal sealed class TableWalk(Findings findings)
{
    internal void Visit(SettingMap settings) => Visit(settings.Members, "");

    private void Visit(IReadOnlyDictionary<string, YamlValue> members, string path)
    {
        foreach (var (name, value) in members)
        {
            var full = path.Length == 0 ? name : $"{path}.{name}";
            if (SettingTable.Find(full) is not { } row)
            {
                findings.Add(
                    FindingKind.Unknown, full, $"It is no setting of Synapse 1.100 to 1.160 ({value.Place}).");
                continue;
            }

            if (!IsHarmless(row, value)) findings.Add(row);
            if (SettingTable.HasMembers(full)) VisitMembers(value, full);
        }
    }

    private void VisitMembers(YamlValue value, string path)
    {
        if (value is YamlValue.Map map) Visit(map.Members, path);
        if (value is not YamlValue.Items list) return;
        foreach (var item in list.Values.OfType<YamlValue.Map>()) Visit(item.Members, path);
    }

    /// <summary>Whether nothing is different: without a value, or with one of those that the row names.</summary>
    private static bool IsHarmless(SettingRow row, YamlValue value) =>
        row.Handling is SettingHandling.Listed or SettingHandling.Refused
        && (value is YamlValue.Nothing || Written(value) is { } text && row.Harmless.Contains(text));

    /// <summary>A value as the table writes it; null if it has none of the table's.</summary>
    private static string? Written(YamlValue value) => value switch
    {
        YamlValue.Flag flag => flag.Value ? "true" : "false",
        YamlValue.Text { Value: "" } => "[]",
        YamlValue.Text text => text.Value,
        YamlValue.Whole number => number.Written,
        YamlValue.Real number => number.Written,
        YamlValue.Items { Values.Count: 0 } or YamlValue.Map { Members.Count: 0 } => "[]",
        _ => null,
    };
}
