namespace Matrix.Backup;

/// <summary>A backup or restore that failed: the message is one line for the operator.</summary>
public sealed class BackupException(string message, Exception? inner = null) : Exception(message, inner);
