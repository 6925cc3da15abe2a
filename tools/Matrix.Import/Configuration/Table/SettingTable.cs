namespace Matrix.Import.Configuration.Table;

/// <summary>
/// Every setting that Synapse has had from 1.100 to 1.160, and those that it reads for old files, with what becomes of
/// it. What is not here is reported as unknown.
/// </summary>
internal static class SettingTable
{
    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        .. ServerRows.Rows, .. ListenerRows.Rows, .. RoomRows.Rows, .. FederationRows.Rows, .. MediaRows.Rows,
        .. RateRows.Rows, .. AccountRows.Rows, .. SignOnRows.Rows, .. MailRows.Rows, .. ProcessRows.Rows,
        .. ExperimentalRows.Rows,
    ];

    private static readonly Dictionary<string, SettingRow> _byName =
        Rows.ToDictionary(static row => row.Name, StringComparer.Ordinal);

    private static readonly HashSet<string> _groups = Rows
        .Where(static row => row.Name.Contains('.'))
        .Select(static row => row.Name[..row.Name.LastIndexOf('.')])
        .ToHashSet(StringComparer.Ordinal);

    internal static SettingRow? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Whether members of a setting have rows.</summary>
    internal static bool HasMembers(string name) => _groups.Contains(name);
}
