using Matrix.Import.Verifying;

namespace Matrix.Import.Commands;

/// <summary>What an import did.</summary>
/// <param name="Report">What was carried and left out, and where the databases differ.</param>
/// <param name="ReportFile">The file with the report.</param>
/// <param name="IsRehearsal">Whether the result is for looking only.</param>
public sealed record ImportedSummary(VerifyReport Report, string ReportFile, bool IsRehearsal)
{
    /// <summary>What the operator does next.</summary>
    public IReadOnlyList<string> NextSteps => IsRehearsal
        ?
        [
            "This was a rehearsal: the server refuses to serve its result. Delete the data folder before the import.",
        ]
        :
        [
            "Start this server. Its first start compares Synapse's database with what was imported.",
            "Keep Synapse from starting again: two servers of one name hand out each other's one-time keys.",
            "  systemctl disable --now matrix-synapse && systemctl mask matrix-synapse",
        ];
}
