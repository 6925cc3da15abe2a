using Matrix.Host.Storage;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Tests.Support;

/// <summary>
/// Runs one part into a database in which this server made rooms, for parts that need rooms and not how they came.
/// </summary>
internal static class PartRun
{
    public static async Task RunAsync(
        IImportPart part, SynapseSource source, OpenedStorage target, string serverName, SourceSettings settings)
    {
        var context = new ImportContext
        {
            Source = source,
            Target = target,
            ServerName = serverName,
            Choices = new ImportChoices(),
            Settings = settings,
        };
        var progress = new PartProgress(target.Writer, part.Name, before: null, static _ => { });
        await part.RunAsync(context, progress, CancellationToken.None);
        await progress.EndAsync(CancellationToken.None);
    }
}
