import ArgumentParser

struct CatalogueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalogue", abstract: "Publish endorsed images that sites can follow.",
        discussion: """
            A catalogue is a directory of static files that any web server can serve: signed lists of endorsed images (The \
            Update Framework), and the images. Its root keys appoint who endorses for each experiment. What changes it is a \
            draft, which is signed by as many as its role asks for, and then published.

            sojourn catalogue init /srv/catalogue
            sojourn catalogue add-experiment lhc --endorser alice --catalogue /srv/catalogue
            sojourn endorse lhc/pythia8:8.317.2@debian12 --until 90d --catalogue /srv/catalogue
            sojourn catalogue publish DRAFT --catalogue /srv/catalogue
            """,
        subcommands: [
            CatalogueInitCommand.self, CatalogueAddExperimentCommand.self, CatalogueRemoveExperimentCommand.self,
            CatalogueAddRebuilderCommand.self, CatalogueRemoveRebuilderCommand.self, CatalogueRotateKeyCommand.self,
            CatalogueRenewCommand.self, CataloguePublishCommand.self, CatalogueServeCommand.self,
            CatalogueCollectCommand.self,
            CatalogueRefreshCommand.self, CatalogueShowCommand.self, CatalogueHistoryCommand.self,
        ])
}
