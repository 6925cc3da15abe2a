using Matrix.Host.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.TestWorld;

/// <summary>Keeps the lines that the server would write to standard output.</summary>
internal sealed class LineLog(bool json = false) : ILoggerProvider
{
    private readonly LineFormatter _formatter = new(json);
    private readonly StringWriter _lines = new();

    /// <summary>The lines so far.</summary>
    public string Lines
    {
        get { lock (_lines) return _lines.ToString(); }
    }

    public ILogger CreateLogger(string categoryName) => new Source(this, categoryName);

    public void Dispose()
    {
        // The lines are read after the server has ended.
    }

    private sealed class Source(LineLog owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            var entry = new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter);
            lock (owner._lines) owner._formatter.Write(in entry, scopeProvider: null, owner._lines);
        }
    }
}
