using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>
/// A part that reads the rows of one query in the order of a key, and writes each by itself. It goes on after the key
/// that it saved last. Rows of the same key are written together.
/// </summary>
/// <param name="name">The part's name.</param>
/// <param name="title">What the operator reads.</param>
/// <param name="kind">What its rows are, in the report.</param>
/// <param name="tables">The tables; without the first there is nothing to read.</param>
internal abstract class TablePart(string name, string title, string kind, params string[] tables) : IImportPart
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Title => title;

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables => tables;

    /// <summary>What its rows are, in the report.</summary>
    protected string Kind => kind;

    /// <summary>The key before all rows: a text or number (`long`) for each of its columns.</summary>
    protected abstract IReadOnlyList<object> Begin { get; }

    /// <inheritdoc/>
    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable(tables[0])
            ? await context.Source.NumberAsync($"SELECT COUNT(*) FROM {tables[0]}", stop)
            : 0;

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (!context.Source.HasTable(tables[0])) return;
        await BeginAsync(context, progress, stop);
        var begin = ResumeKey.Read(progress.Reached, Begin);
        string? last = null;
        await foreach (var row in context.Source.RowsAsync(Sql(context.Source), stop, begin))
        {
            var key = ResumeKey.Of(row, begin);
            if (last is not null && key != last)
            {
                await KeyEndedAsync(context, progress, stop);
                await progress.SaveAsync(last, stop);
            }

            last = key;
            progress.Read(kind);
            await TakeAsync(context, row, progress, stop);
        }

        if (last is not null) await KeyEndedAsync(context, progress, stop);
        await EndAsync(context, progress, stop);
        if (last is not null) await progress.SaveAsync(last, stop);
    }

    /// <summary>
    /// The query of the rows after the key, whose columns are `$1`, `$2` …, in its order. Its first columns are the
    /// key.
    /// </summary>
    protected abstract string Sql(SynapseSource source);

    /// <summary>Before the first row, also of a run that goes on.</summary>
    protected virtual ValueTask BeginAsync(ImportContext context, PartProgress progress, CancellationToken stop) =>
        ValueTask.CompletedTask;

    /// <summary>Writes a row, or leaves it out by name.</summary>
    protected abstract ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop);

    /// <summary>After the last row of a key, for parts that write the rows of a key as one.</summary>
    protected virtual ValueTask KeyEndedAsync(ImportContext context, PartProgress progress, CancellationToken stop) =>
        ValueTask.CompletedTask;

    /// <summary>After the last row.</summary>
    protected virtual ValueTask EndAsync(ImportContext context, PartProgress progress, CancellationToken stop) =>
        ValueTask.CompletedTask;
}
