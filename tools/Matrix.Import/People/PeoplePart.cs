using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>A part that reads tables in the order of a key. It is estimated by the rows of the first one.</summary>
internal abstract class PeoplePart : IImportPart
{
    /// <summary>The position of rows whose time of change no client asks for.</summary>
    protected const long First = 1;

    /// <summary>Why a row of a user is left out who is not among Synapse's users.</summary>
    protected const string NoAccount = "Synapse has no such user.";

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Title { get; }

    /// <inheritdoc/>
    public abstract IReadOnlyList<string> Tables { get; }

    /// <inheritdoc/>
    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable(Tables[0])
            ? await context.Source.NumberAsync($"SELECT COUNT(*) FROM {Tables[0]}", stop)
            : 0;

    /// <inheritdoc/>
    public Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop) =>
        context.Source.HasTable(Tables[0]) ? ReadAsync(context, progress, stop) : Task.CompletedTask;

    /// <summary>Reads the rows. The first table exists.</summary>
    protected abstract Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop);

    /// <summary>A position that a row may have: a number of a stream of Synapse's begins with 1.</summary>
    protected static long Position(long streamId) => Math.Max(First, streamId);
}
