namespace Matrix.Import.Configuration;

/// <summary>Where a storage provider keeps media.</summary>
public enum MediaProviderKind
{
    /// <summary>In a second folder, laid out like the first.</summary>
    Folder,

    /// <summary>In a bucket, by the provider of Synapse's makers.</summary>
    S3,

    /// <summary>In a way that is not known here.</summary>
    Other,
}
