namespace Matrix.Import.Configuration.Mapping;

/// <summary>What Synapse's configuration becomes.</summary>
/// <param name="Config">This server's configuration.</param>
/// <param name="Findings">What became of each setting, what must be accepted first.</param>
public sealed record MappedSettings(CarriedConfig Config, IReadOnlyList<Finding> Findings)
{
    /// <summary>What is refused and not accepted. A name accepts all that begins with it and a dot, too.</summary>
    /// <param name="names">The names that the operator accepts.</param>
    public IReadOnlyList<Finding> Unaccepted(IReadOnlyCollection<string> names) =>
    [
        .. Findings.Where(finding =>
            finding.Kind == FindingKind.Refused && !names.Any(name => Accepts(name, finding.Setting))),
    ];

    /// <summary>Accepted names that accept nothing, such as mistyped ones.</summary>
    /// <param name="names">The names that the operator accepts.</param>
    public IReadOnlyList<string> Needless(IReadOnlyCollection<string> names) =>
    [
        .. names.Where(name => !Findings.Any(finding =>
            finding.Kind == FindingKind.Refused && Accepts(name, finding.Setting))),
    ];

    private static bool Accepts(string name, string setting) =>
        setting == name || setting.StartsWith(name + ".", StringComparison.Ordinal);
}
