namespace Matrix.LoadGen;

/// <summary>An error of the command line; the message says what to change.</summary>
internal sealed class UsageException(string message) : Exception(message);
