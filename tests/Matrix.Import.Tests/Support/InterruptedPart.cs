using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Tests.Support;

/// <summary>A part whose source fails after some rows of each query, when some of them are durable.</summary>
internal sealed class InterruptedPart(IImportPart part) : IImportPart
{
    public string Name => part.Name;

    public string Title => part.Title;

    public IReadOnlyList<string> Tables => part.Tables;

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) => part.EstimateAsync(context, stop);

    public Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var limited = new ImportContext
        {
            Source = new SynapseSource(
                new LimitedDatabase(context.Source.Main, 2_100), new LimitedDatabase(context.Source.State, 2_100)),
            Target = context.Target,
            ServerName = context.ServerName,
            Choices = context.Choices,
            Settings = context.Settings,
        };
        return part.RunAsync(limited, progress, stop);
    }

    /// <summary>A source that fails after so many rows of a query.</summary>
    private sealed class LimitedDatabase(ISourceDatabase database, int rows) : ISourceDatabase
    {
        public IReadOnlyDictionary<string, IReadOnlySet<string>> Tables => database.Tables;

        public bool IsPostgres => database.IsPostgres;

        public async IAsyncEnumerable<ISourceRow> RowsAsync(
            string sql,
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop,
            params object?[] arguments)
        {
            var left = rows;
            await foreach (var row in database.RowsAsync(sql, stop, arguments))
            {
                if (left-- == 0) throw new InterruptedException();
                yield return row;
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>A test ends an import.</summary>
internal sealed class InterruptedException : Exception;
