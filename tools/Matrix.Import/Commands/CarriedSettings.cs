using Matrix.Import.Configuration.Mapping;
using Matrix.Import.Runs;
using Matrix.Import.Stopping;

namespace Matrix.Import.Commands;

/// <summary>What Synapse's configuration becomes, and what is said of it.</summary>
internal sealed class CarriedSettings
{
    private readonly MappedSettings _mapped;
    private readonly IReadOnlyList<string> _accepted;

    private CarriedSettings(MappedSettings mapped, IReadOnlyList<string> accepted) =>
        (_mapped, _accepted) = (mapped, accepted);

    /// <summary>What the operator should know, each a sentence or two; what is refused first.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. Refused.Select(static finding => $"{finding} Accept it by --accept {finding.Setting}"),
        .. _mapped.Findings.Where(static finding => finding.Kind == FindingKind.Refused).Except(Refused)
            .Select(static finding => $"{finding} It was accepted."),
        .. _mapped.Findings.Where(static finding => finding.Kind is FindingKind.Listed or FindingKind.Unknown)
            .Select(static finding => finding.ToString()),
    ];

    private IReadOnlyList<Finding> Refused => _mapped.Unaccepted(_accepted);

    /// <summary>Maps the configuration, and says what of it is not carried.</summary>
    public static CarriedSettings Of(Prepared prepared, ImportOptions options, IImportLog log)
    {
        // A SQLite file is named where the configuration is read from: in the data folder.
        var mapped = SettingsMapping.Map(prepared.Config, new MappingOptions { DatabaseUrl = options.DatabaseUrl });
        var accepted = options.Choices.Accepted
            .Where(static name => name is not (StoppedCheck.OtherSessions or LostSignIns.Name))
            .ToList();
        foreach (var needless in mapped.Needless(accepted)) log.Say($"--accept {needless}: nothing needs it.");
        return new CarriedSettings(mapped, accepted);
    }

    /// <summary>Goes on only if nothing is refused.</summary>
    /// <exception cref="ImportException">Something is: every reason, a line each.</exception>
    public void NeedAccepted()
    {
        if (Refused is not { Count: > 0 } refused) return;
        throw new ImportException(
            "Synapse's configuration has what this server cannot carry. Accept it by name, or change it:\n"
            + string.Join('\n', refused.Select(static finding => $"  {finding} (--accept {finding.Setting})")));
    }

    /// <summary>Writes the configuration, unless it is there already.</summary>
    /// <exception cref="ImportException">A file is there with another content, or cannot be written.</exception>
    public async Task WriteAsync(string folder, CancellationToken stop)
    {
        switch (await _mapped.Config.WriteAsync(folder, stop))
        {
            case ConfigWriting.Differs differs:
                throw new ImportException(
                    $"{differs.File} is there already, with another content. Move it away, and run the import again.");
            case ConfigWriting.Failed failed:
                throw new ImportException($"{failed.File} cannot be written: {failed.Message}");
            default:
                break;
        }
    }
}
